//! How deep a document nests, told before anything descends into it.

/// How deep brackets nest in a text, whatever stands in it.
pub fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match first {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
                after
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                after
            }
            b'#' => {
                &after[after.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(after.len())..]
            }
            b'"' => match after {
                [b'"', b'"', block @ ..] => behind(block, b"\"\"\""),
                _ => behind(after, b"\""),
            },
            _ => after,
        };
    }
    deepest
}

/// What follows the end of a string.
fn behind<'t>(mut text: &'t [u8], end: &[u8]) -> &'t [u8] {
    while let [first, after @ ..] = text {
        if text.starts_with(end) {
            return &text[end.len()..];
        }
        text = match (first, after) {
            // An escaped quote, or three, end nothing.
            (b'\\', [_, after @ ..]) if end.len() == 1 => after,
            (b'\\', after) if after.starts_with(end) => &after[end.len()..],
            _ => after,
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_counted_where_they_are_brackets() {
        assert_eq!(nesting("{a(b:[{c:1}]){d}}"), 4);
        assert_eq!(nesting("{a(b:\"{{{\\\"{{\")#{{{{\n{c}}"), 2);
        assert_eq!(nesting("{a(b:\"\"\"{{\"{\\\"\"\"{{\"\"\"){c}}"), 2);
        assert_eq!(nesting("}}}{\"{"), 1);
        assert_eq!(nesting("{\"\\"), 1);
    }
}
