//! Finds the top-level fields of a JSON object in its bytes, so that one can be taken out and put back without touching
//! the others: hashes are taken over these bytes, and a parse and print could change them.

use std::ops::Range;

/// Where a field stands in the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The key between its quotes, escapes and all.
    pub(crate) key: Range<usize>,
    /// The value.
    pub(crate) value: Range<usize>,
}

/// The top-level fields in order; `None` = the bytes are not one JSON object. Nested values are skipped, not checked.
pub(crate) fn top_level_fields(text: &str) -> Option<Vec<Field>> {
    let mut scan = Scan { text, at: 0 };
    let mut fields = Vec::new();
    scan.blank();
    scan.take(b'{')?;
    scan.blank();
    if scan.take(b'}').is_some() {
        scan.blank();
        return scan.ended().then_some(fields);
    }
    loop {
        scan.blank();
        let key = scan.string()?;
        scan.blank();
        scan.take(b':')?;
        scan.blank();
        let value = scan.value()?;
        fields.push(Field { key, value });
        scan.blank();
        if scan.take(b',').is_some() {
            continue;
        }
        scan.take(b'}')?;
        scan.blank();
        return scan.ended().then_some(fields);
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn ended(&self) -> bool {
        self.at == self.text.len()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// A string; gives what is between the quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at;
        // By `find`, which is many times faster than a look at each byte: values are up to 16 MiB long.
        let mut quote = self.find(start, '"')?;
        loop {
            let before_quote = self.text.get(self.at..quote)?;
            let Some(backslash) = before_quote.find('\\') else {
                self.at = quote + 1;
                return Some(start..quote);
            };
            self.at += backslash + 2;
            if self.at > quote {
                quote = self.find(self.at, '"')?;
            }
        }
    }

    fn find(&self, from: usize, wanted: char) -> Option<usize> {
        Some(from + self.text.get(from..)?.find(wanted)?)
    }

    /// Any value, up to the comma or brace that ends it.
    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    if depth == 0 {
                        break;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => break,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        break;
                    }
                }
                b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        (self.at > start).then_some(start..self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(json: &str) -> Option<Vec<(&str, &str)>> {
        let fields = top_level_fields(json)?;
        Some(
            fields
                .into_iter()
                .map(|f| (json.get(f.key).unwrap(), json.get(f.value).unwrap()))
                .collect(),
        )
    }

    #[test]
    fn fields_are_found_whatever_their_values_hold() {
        let json =
            r#" { "a" : 1 ,"b":"x,}\"{", "c":{"d":["}",{"e":1}]},"f\"g":[[],{}], "h":null } "#;
        assert_eq!(
            texts(json).unwrap(),
            [
                ("a", "1"),
                ("b", r#""x,}\"{""#),
                ("c", r#"{"d":["}",{"e":1}]}"#),
                (r#"f\"g"#, "[[],{}]"),
                ("h", "null"),
            ]
        );
        assert_eq!(texts("{}").unwrap(), []);
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for bad in [
            "",
            "[]",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1"#,
            r#"{"a":1}x"#,
            r#"{"a":"1}"#,
            r#"{"a":1,}"#,
            r#"{"a\"#,
        ] {
            assert_eq!(texts(bad), None, "{bad}");
        }
    }
}
