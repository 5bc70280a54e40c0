//! Which crate may use which: a crate uses only what stands above it in the table of ARCHITECTURE.md.

use super::Finding;
use crate::Failure;
use serde::Deserialize;

/// What each crate may use of ours.
const EDGES: &[(&str, &[&str])] = &[
    ("plan", &[]),
    ("policy", &["plan"]),
    ("rules", &["plan", "policy"]),
    ("engine", &["plan", "policy"]),
    ("store", &["plan", "policy", "engine"]),
    ("sandbox", &[]),
    ("tools", &["plan", "policy", "sandbox"]),
    ("host", &["plan", "policy", "engine", "store", "tools"]),
    (
        "mcp",
        &["plan", "policy", "engine", "store", "tools", "host"],
    ),
    (
        "server",
        &[
            "plan", "policy", "rules", "engine", "store", "tools", "host",
        ],
    ),
    (
        "cli",
        &[
            "plan", "policy", "rules", "engine", "store", "sandbox", "tools", "host", "mcp",
            "server",
        ],
    ),
    // It measures what `cli` puts together, and so puts together the same.
    (
        "bench",
        &[
            "plan", "policy", "rules", "engine", "store", "sandbox", "tools", "host",
        ],
    ),
    // It puts the local host together out of the same parts, on a machine that it holds in its hands.
    (
        "sim",
        &["plan", "policy", "engine", "store", "tools", "host"],
    ),
    // Generators read the tables that the documents come from.
    ("xtask", &["plan", "engine"]),
];

/// A crate of the workspace, as `cargo metadata` describes it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Package {
    /// `mandate-NAME`.
    pub(super) name: String,
    /// Its direct dependencies, of all kinds.
    pub(super) dependencies: Vec<Dependency>,
}

/// A direct dependency.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dependency {
    /// The package's name.
    pub(super) name: String,
    /// `dev`, `build`, or nothing for a normal one.
    pub(super) kind: Option<String>,
}

impl Package {
    /// The name without `mandate-`.
    pub(super) fn short(&self) -> &str {
        self.name.strip_prefix("mandate-").unwrap_or(&self.name)
    }

    /// Where its dependencies are written.
    pub(super) fn manifest(&self) -> String {
        format!("crates/{}/Cargo.toml", self.short())
    }
}

/// The packages in the answer of `cargo metadata`.
pub(super) fn packages(metadata: &str) -> Result<Vec<Package>, Failure> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let metadata: Metadata = serde_json::from_str(metadata)?;
    Ok(metadata.packages)
}

pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(edges_of).collect()
}

fn edges_of(package: &Package) -> Vec<Finding> {
    let manifest = package.manifest();
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == package.short()) else {
        let message = "the table in `tidy/crate_edges.rs` does not say what this crate may use";
        return vec![Finding::file(&manifest, message)];
    };
    package
        .dependencies
        .iter()
        .filter_map(|dependency| dependency.name.strip_prefix("mandate-"))
        .filter(|used| !allowed.contains(used) && *used != package.short())
        .map(|used| {
            Finding::file(
                &manifest,
                format!("`{}` may not use `{used}`", package.short()),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, uses: &[(&str, Option<&str>)]) -> Package {
        let dependencies = uses
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).into(),
                kind: kind.map(str::to_owned),
            })
            .collect();
        Package {
            name: name.into(),
            dependencies,
        }
    }

    #[test]
    fn an_edge_upwards_is_found_even_in_tests() {
        let plan = package(
            "mandate-plan",
            &[("serde", None), ("mandate-engine", Some("dev"))],
        );
        let expected = Finding::file("crates/plan/Cargo.toml", "`plan` may not use `engine`");
        assert_eq!(check(&[plan]), [expected]);
    }

    #[test]
    fn a_crate_outside_of_the_table_is_found() {
        assert_eq!(check(&[package("mandate-extra", &[])]).len(), 1);
    }

    #[test]
    fn edges_of_the_table_pass() {
        let engine = package(
            "mandate-engine",
            &[("mandate-plan", None), ("mandate-policy", None)],
        );
        assert_eq!(check(&[engine]), []);
    }

    #[test]
    fn the_answer_of_cargo_is_understood() {
        let answer = r#"{"packages":[{"name":"mandate-plan","id":"x","dependencies":[{"name":"cel","kind":null}]}]}"#;
        let packages = packages(answer).unwrap();
        assert_eq!(packages[0].short(), "plan");
        assert_eq!(packages[0].dependencies[0].name, "cel");
    }
}
