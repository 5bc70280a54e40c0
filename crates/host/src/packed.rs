//! Ids of executions in the least room: of what waits there may be many, and each of them is in several maps.

use std::fmt;

/// An execution's id. A UUID as it is usually written takes no room of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PackedId {
    /// Lower-case, with hyphens: what its bytes are written as again. Ordered as its text.
    Uuid([u8; 16]),
    /// Anything else.
    Text(Box<str>),
}

impl From<&str> for PackedId {
    fn from(id: &str) -> Self {
        uuid(id).map_or_else(|| Self::Text(id.into()), Self::Uuid)
    }
}

impl fmt::Display for PackedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(bytes) => {
                for (place, byte) in bytes.iter().enumerate() {
                    let hyphen = if [4, 6, 8, 10].contains(&place) {
                        "-"
                    } else {
                        ""
                    };
                    write!(f, "{hyphen}{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

fn uuid(id: &str) -> Option<[u8; 16]> {
    if id.len() != 36 {
        return None;
    }
    let mut bytes = [0_u8; 16];
    let mut text = id.bytes().enumerate();
    for byte in &mut bytes {
        let mut digit = || loop {
            match text.next()? {
                (8 | 13 | 18 | 23, b'-') => {}
                (8 | 13 | 18 | 23, _) => return None,
                (_, digit @ b'0'..=b'9') => return Some(digit - b'0'),
                (_, digit @ b'a'..=b'f') => return Some(digit - b'a' + 10),
                _ => return None,
            }
        };
        *byte = digit()? << 4 | digit()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_as_it_was() {
        for (id, packed) in [
            ("0198f0c2-7d1e-7a3b-8c4d-5e6f708192a3", true),
            ("0198F0C2-7d1e-7a3b-8c4d-5e6f708192a3", false),
            ("0198f0c27-d1e-7a3b-8c4d-5e6f708192a3", false),
            ("0198f0c2-7d1e-7a3b-8c4d-5e6f708192ag", false),
            ("e1", false),
            ("", false),
        ] {
            let found = PackedId::from(id);
            assert_eq!(matches!(found, PackedId::Uuid(_)), packed, "{id}");
            assert_eq!(found.to_string(), id);
        }
    }

    #[test]
    fn the_order_is_that_of_the_texts() {
        let (a, b) = (
            "0198f0c2-7d1e-7a3b-8c4d-5e6f708192a3",
            "0198f0c2-7d1e-7a3b-8c4d-5e6f708192b0",
        );
        assert!(PackedId::from(a) < PackedId::from(b));
    }
}
