//! Tokens that were found to be right lately.

use super::{Caveat, TokenKey, key::same};
use crate::lately::Lately;

/// So many are kept at the most: as many as agents are at work at once, mostly.
const KEPT: usize = 64;

/// A chain that its key made.
struct Chain {
    /// What it begins with: no other key has it.
    root: [u8; 32],
    caveats: Vec<Caveat>,
    mac: [u8; 32],
}

/// Chains that were found to be right lately: an agent shows the same token with every call, and going along its chain is most
/// of what checking it takes. Whether its conditions hold, and whether its key is in use, is looked at each time.
#[derive(Default)]
pub struct KnownChains(Lately<Chain, KEPT>);

impl KnownChains {
    /// Whether the chain over these caveats, from this key, ends with `mac`; compared in constant time.
    pub(super) fn made(&mut self, key: &TokenKey, caveats: &[Caveat], mac: &[u8; 32]) -> bool {
        let root = key.root();
        let serves = |known: &Chain| {
            known.caveats == caveats && same(&known.mac, mac) && same(&known.root, &root)
        };
        let make = || {
            let chain = Chain {
                root,
                caveats: caveats.to_vec(),
                mac: *mac,
            };
            key.made(caveats, mac).then_some(chain).ok_or(())
        };
        self.0.find_or(serves, make).is_ok()
    }
}

impl std::fmt::Debug for KnownChains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownChains").finish_non_exhaustive()
    }
}
