//! Columns that line up.

use crate::output::{Look, Paint};
use console::{measure_text_width, truncate_str};

/// A cell: text and how it looks.
pub(crate) type Cell = (String, Look);

/// Rows of cells under a header.
#[derive(Debug, Default)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The text; the last column is cut off at `width` where there is one.
    pub(crate) fn text(&self, paint: Paint, width: Option<usize>) -> String {
        let columns = self.rows.iter().map(Vec::len).chain([self.header.len()]).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(|column| self.width(column)).collect();
        let mut out = String::new();
        if !self.header.is_empty() {
            let header: Vec<Cell> = self.header.iter().map(|name| ((*name).to_owned(), Look::Dim)).collect();
            push_row(&mut out, &header, &widths, paint, width);
        }
        for row in &self.rows {
            push_row(&mut out, row, &widths, paint, width);
        }
        out.truncate(out.trim_end_matches('\n').len());
        out
    }

    fn width(&self, column: usize) -> usize {
        let header = self.header.get(column).map_or(0, |name| name.len());
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|(text, _)| measure_text_width(text)).chain([header]).max().unwrap_or(0)
    }
}

fn push_row(out: &mut String, row: &[Cell], widths: &[usize], paint: Paint, width: Option<usize>) {
    let mut used = 0;
    let last = row.len().saturating_sub(1);
    let mut line = String::new();
    for (column, ((text, look), most)) in row.iter().zip(widths).enumerate() {
        if column == last {
            let left = width.map_or(usize::MAX, |width| width.saturating_sub(used).max(12));
            line.push_str(&paint.look(*look, &truncate_str(text, left, "…")));
        } else {
            line.push_str(&paint.look(*look, text));
            let fill = most.saturating_sub(measure_text_width(text)) + 2;
            line.extend(std::iter::repeat_n(' ', fill));
            used += most + 2;
        }
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// The width of the terminal that standard output is; none if it is none.
pub(crate) fn terminal_width() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_the_last_is_cut() {
        let mut table = Table::new(&["ID", "NAME"]);
        table.row(vec![("a".to_owned(), Look::Plain), ("a name that is long".to_owned(), Look::Good)]);
        table.row(vec![("long".to_owned(), Look::Plain), ("b".to_owned(), Look::Plain)]);
        assert_eq!(table.text(Paint::OFF, Some(18)), "ID    NAME\na     a name that…\nlong  b");
    }
}
