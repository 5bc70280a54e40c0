//! A text that an operation makes piece by piece, charged and capped while it grows.

use super::{
    budget::Budget,
    failure::{Fail, Failure},
    limits::MAX_VALUE_BYTES,
    value::Val,
};

/// A text in the making.
pub(super) struct Growing<'b> {
    text: String,
    budget: &'b Budget,
}

impl<'b> Growing<'b> {
    pub(super) fn new(budget: &'b Budget) -> Self {
        Self {
            text: String::new(),
            budget,
        }
    }

    pub(super) fn push(&mut self, piece: &str) -> Result<(), Fail> {
        if self.text.len() + piece.len() > MAX_VALUE_BYTES {
            return Err(Failure::exhausted(format!(
                "the expression makes a text that is larger than {MAX_VALUE_BYTES} bytes"
            )));
        }
        self.budget.bytes(piece.len())?;
        self.text.push_str(piece);
        Ok(())
    }

    pub(super) fn finish<'e>(self) -> Val<'e> {
        Val::text(self.text)
    }
}
