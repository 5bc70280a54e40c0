//! Scenarios that failed once, kept under `regressions/` and run with every test.

use crate::scenario::Scenario;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A scenario that failed once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Regression {
    /// The check that found it.
    pub check: String,
    /// What it found.
    pub what: String,
    /// The scenario, cut down.
    pub scenario: Scenario,
}

impl Regression {
    /// Writes it under `dir`; gives its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, dir: &Path) -> std::io::Result<PathBuf> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(format!("seed-{}.json", self.scenario.seed));
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(&path, format!("{text}\n"))?;
        Ok(path)
    }
}

/// All that are kept, by file name.
///
/// # Errors
/// One of them cannot be read.
pub fn regressions(dir: &Path) -> std::io::Result<Vec<(String, Regression)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let text = std::fs::read_to_string(&path)?;
            all.push((name.into_owned(), serde_json::from_str(&text)?));
        }
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(all)
}
