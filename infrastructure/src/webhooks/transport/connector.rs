//! Connecting, to an address that was judged at this moment.
//!
//! A name is resolved here and every address it has is judged; one that must not be connected to is enough to refuse
//! them all, as when an endpoint is saved. What was judged is what is connected to: nothing is resolved a second time.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use interflow_application::webhook::ErrorClass;
use interflow_application::webhook::address::AllowList;
use interflow_application::webhook::ports::Resolver;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tower::Service;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("there is no connection: {}", .0.name())]
pub(super) struct Refused(pub(super) ErrorClass);

/// Connects for HTTP/1.1, with TLS where the address says so.
#[derive(Clone)]
pub(super) struct Connector {
    resolver: Arc<dyn Resolver>,
    allowed: Arc<AllowList>,
    tls: Option<TlsConnector>,
    timeout: Duration,
}

/// TLS with the certificates that are trusted. Nothing where this build has no TLS version in common with itself,
/// which cannot be.
pub(super) fn tls() -> Option<TlsConnector> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // A certificate of the system's that cannot be read is none.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?;
    Some(Arc::new(versions.with_root_certificates(roots).with_no_client_auth()).into())
}

impl Connector {
    pub(super) fn new(
        resolver: Arc<dyn Resolver>,
        allowed: AllowList,
        tls: Option<TlsConnector>,
        timeout: Duration,
    ) -> Self {
        Self { resolver, allowed: Arc::new(allowed), tls, timeout }
    }

    async fn connect(&self, uri: &Uri) -> Result<Stream, Refused> {
        let host = uri.host().ok_or(Refused(ErrorClass::Protocol))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let addresses = self.judged(host, port).await?;
        let tcp = open(&addresses, port).await?;
        // Small bodies must not wait for the acknowledgement of the one before.
        tcp.set_nodelay(true).map_err(|_| Refused(ErrorClass::Connect))?;
        if !is_tls {
            return Ok(Stream::new(tcp));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Refused(ErrorClass::Tls))?;
        let tls = self.tls.as_ref().ok_or(Refused(ErrorClass::Tls))?;
        tls.connect(name, tcp).await.map(Stream::new).map_err(|_| Refused(ErrorClass::Tls))
    }

    async fn judged(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, Refused> {
        let addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(host, port).await,
        };
        if addresses.is_empty() {
            return Err(Refused(ErrorClass::Dns));
        }
        let judged = addresses.iter().try_for_each(|address| self.allowed.check(*address));
        judged.map_err(|_| Refused(ErrorClass::Blocked))?;
        Ok(addresses)
    }
}

async fn open(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Refused> {
    for address in addresses {
        if let Ok(stream) = TcpStream::connect(SocketAddr::new(*address, port)).await {
            return Ok(stream);
        }
    }
    Err(Refused(ErrorClass::Connect))
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Refused>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let connected = timeout(connector.timeout, connector.connect(&uri)).await;
            connected.unwrap_or(Err(Refused(ErrorClass::Timeout)))
        })
    }
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// A connection, with or without TLS.
pub(super) struct Stream(TokioIo<Box<dyn Both>>);

impl Stream {
    fn new(io: impl Both + 'static) -> Self {
        Self(TokioIo::new(Box::new(io)))
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
