//! The ways that untrusted values go, kept as a tree: many ways share their beginnings.

/// The longest way that is written out, in places; of a longer one, the middle is left out.
const LONGEST: usize = 16;

/// A place on a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node(usize);

/// All ways.
#[derive(Debug, Default)]
pub(super) struct Trails {
    nodes: Vec<(String, Option<Node>)>,
}

impl Trails {
    /// A value comes into the plan here.
    pub(super) fn begin(&mut self, text: String) -> Node {
        self.push(text, None)
    }

    /// It goes from there to here.
    pub(super) fn follow(&mut self, from: Node, text: String) -> Node {
        self.push(text, Some(from))
    }

    /// The same place by another name.
    pub(super) fn instead(&mut self, of: Node, text: String) -> Node {
        let before = self.nodes.get(of.0).and_then(|(_, before)| *before);
        self.push(text, before)
    }

    fn push(&mut self, text: String, before: Option<Node>) -> Node {
        self.nodes.push((text, before));
        Node(self.nodes.len().saturating_sub(1))
    }

    /// The way to a place, from where the value came in.
    pub(super) fn path(&self, end: Node) -> Vec<String> {
        let mut path: Vec<&str> = Vec::new();
        let mut at = Some(end);
        while let Some((text, before)) = at.and_then(|at| self.nodes.get(at.0)) {
            path.push(text);
            at = *before;
        }
        path.reverse();
        let half = LONGEST / 2;
        if path.len() <= LONGEST {
            return path.into_iter().map(str::to_owned).collect();
        }
        let first = path.iter().take(half);
        let last = path.iter().skip(path.len().saturating_sub(half));
        let all = first.chain(std::iter::once(&"…")).chain(last);
        all.map(|text| (*text).to_owned()).collect()
    }
}

/// Whether the literal beginning of an address says which host it is.
pub(super) fn fixes_host(literal: &str) -> bool {
    let rest = literal.split_once("://").map(|(_, rest)| rest);
    rest.and_then(|rest| rest.find(['/', '?', '#']))
        .is_some_and(|end| end > 0)
}
