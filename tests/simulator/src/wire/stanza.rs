//! Small helpers to read and to build stanzas.

use std::fmt;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, NodeContent, SERVER_JID};

use crate::clock;

/// An attribute as text.
pub(crate) fn attr(node: &Node, key: &str) -> Option<String> {
    node.attrs.get(key).map(|value| value.as_str().into_owned())
}

/// An attribute as a JID.
pub(crate) fn jid(node: &Node, key: &str) -> Option<Jid> {
    node.attrs.get(key).and_then(|value| value.to_jid())
}

/// The bytes in a node, whichever way the codec decoded them.
pub(crate) fn bytes(node: &Node) -> &[u8] {
    match &node.content {
        Some(NodeContent::Bytes(bytes)) => bytes,
        Some(NodeContent::String(text)) => text.as_bytes(),
        _ => &[],
    }
}

/// The bytes in a child; empty when there is no such child.
pub(crate) fn child_bytes<'a>(node: &'a Node, tag: &str) -> &'a [u8] {
    node.get_optional_child(tag).map(bytes).unwrap_or_default()
}

/// A big-endian number of up to four bytes.
pub(crate) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_shl(8) | u32::from(*byte))
}

/// The children of a node, none when it has other content.
pub(crate) fn children(node: &Node) -> &[Node] {
    node.children().unwrap_or_default()
}

/// The ids that a receipt is about: its own, and those in its list.
pub(crate) fn receipt_ids(receipt: &Node) -> Vec<String> {
    let listed = receipt
        .get_optional_child("list")
        .map(children)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| attr(item, "id"));
    attr(receipt, "id").into_iter().chain(listed).collect()
}

/// The good answer to an IQ.
pub(crate) fn result(iq: &Node, children: Vec<Node>) -> Node {
    answer(iq, "result", children)
}

/// The bad answer to an IQ.
pub(crate) fn refusal(iq: &Node, code: u16, text: &'static str) -> Node {
    let error = NodeBuilder::new("error").attr("code", code.to_string()).attr("text", text).build();
    answer(iq, "error", vec![error])
}

fn answer(iq: &Node, kind: &'static str, children: Vec<Node>) -> Node {
    let mut builder = NodeBuilder::new("iq")
        .attr("from", server())
        .attr("type", kind)
        .attr("id", attr(iq, "id").unwrap_or_default())
        .attr("t", clock::seconds().to_string());
    if !children.is_empty() {
        builder = builder.children(children);
    }
    builder.build()
}

/// The acknowledgement of a message, receipt or notification of the client.
pub(crate) fn ack(node: &Node, class: &'static str) -> NodeBuilder {
    let mut builder = NodeBuilder::new("ack")
        .attr("class", class)
        .attr("id", attr(node, "id").unwrap_or_default())
        .attr("t", clock::seconds().to_string());
    if let Some(to) = jid(node, "to") {
        builder = builder.attr("from", to);
    }
    if let Some(kind) = attr(node, "type") {
        builder = builder.attr("type", kind);
    }
    builder
}

/// The end of the stream, with its cause. A conflict of connections comes without a code.
pub(crate) fn stream_error(code: Option<&'static str>, conflict: Option<&'static str>) -> Node {
    let mut builder = NodeBuilder::new("stream:error");
    if let Some(code) = code {
        builder = builder.attr("code", code);
    }
    if let Some(kind) = conflict {
        builder = builder.children([NodeBuilder::new("conflict").attr("type", kind).build()]);
    }
    builder.build()
}

/// The server's own address.
pub(crate) fn server() -> Jid {
    // A JID of a server alone has no user.
    SERVER_JID.parse().unwrap_or_else(|_| Jid::new("", wacore_binary::Server::Pn))
}

/// A stanza for the trace: tags and attributes, no payloads.
pub(crate) struct Outline<'a>(pub(crate) &'a Node);

impl fmt::Display for Outline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.0.tag)?;
        for (key, value) in self.0.attrs.iter() {
            write!(f, " {key}={}", value.as_str())?;
        }
        match &self.0.content {
            None => write!(f, "/>"),
            Some(NodeContent::Nodes(nodes)) => {
                write!(f, ">")?;
                nodes.iter().take(8).try_for_each(|node| write!(f, "{}", Outline(node)))?;
                write!(f, "</{}>", self.0.tag)
            }
            Some(NodeContent::Bytes(bytes)) => write!(f, ">{} bytes", bytes.len()),
            Some(NodeContent::String(text)) => write!(f, ">{} characters", text.len()),
        }
    }
}
