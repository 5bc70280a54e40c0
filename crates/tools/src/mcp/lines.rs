//! Reading a server's output line by line, up to a length.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// The longest message, in bytes: the largest output of a call, with room for its escapes.
pub(super) const MAX_LINE: usize = 32 * 1024 * 1024;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// More than [`MAX_LINE`] without an end.
    TooLong,
    /// The stream has ended, or cannot be read.
    End,
}

/// The next line.
pub(super) async fn next(stream: &mut (impl AsyncBufRead + Unpin), most: usize) -> Line {
    let mut line = Vec::new();
    loop {
        let (used, done) = match stream.fill_buf().await {
            // What stands before the end without a line break is no message.
            Ok([]) | Err(_) => return Line::End,
            Ok(bytes) => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    line.extend_from_slice(bytes.get(..end).unwrap_or_default());
                    (end + 1, true)
                }
                None => {
                    line.extend_from_slice(bytes);
                    (bytes.len(), false)
                }
            },
        };
        stream.consume(used);
        if line.len() > most {
            return Line::TooLong;
        }
        if done {
            return Line::Whole(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, next};

    #[tokio::test]
    async fn lines_have_a_longest() {
        let mut stream = tokio::io::BufReader::with_capacity(3, &b"ab\n\nlonger line\nrest"[..]);
        assert_eq!(next(&mut stream, 20).await, Line::Whole(b"ab".to_vec()));
        assert_eq!(next(&mut stream, 20).await, Line::Whole(Vec::new()));
        assert_eq!(
            next(&mut stream, 20).await,
            Line::Whole(b"longer line".to_vec())
        );
        assert_eq!(next(&mut stream, 20).await, Line::End);
        let mut stream = tokio::io::BufReader::with_capacity(3, &b"longer line\n"[..]);
        assert_eq!(next(&mut stream, 10).await, Line::TooLong);
    }
}
