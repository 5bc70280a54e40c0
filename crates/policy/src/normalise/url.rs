//! URLs: host, port, dots and encodings in one form, without user and fragment.

use super::{
    Readings, lexical,
    text::{strip_invisible, unfold},
};
use std::net::Ipv4Addr;
use url::{Host, Url};

/// Schemes whose URLs have no host, so that what stands behind the colon is not one.
const HOSTLESS: &[&str] = &[
    "mailto",
    "data",
    "javascript",
    "tel",
    "urn",
    "about",
    "blob",
    "file",
];

/// The normal form of an absolute URL: scheme and host in lower case, host in ASCII (IDN) without a trailing dot,
/// default port, user, password and fragment dropped, `..` resolved, unreserved characters decoded, hexadecimal digits
/// in upper case. `None`: not an absolute URL. Idempotent.
pub fn normal_url(text: &str) -> Option<String> {
    let visible = strip_invisible(text);
    parse(visible.trim()).map(|url| settled(&url))
}

/// The ways in which a URL may be read.
pub fn url_readings(text: &str) -> Readings {
    let visible = strip_invisible(text);
    let visible = visible.trim();
    let Some(url) = parse(visible) else {
        return opaque(visible);
    };
    let normal = settled(&url);
    let mut others = vec![deep(&url)];
    let mut suspects = Vec::new();
    if let Some(mapped) = mapped_ipv4(&url) {
        suspects.push(settled(&mapped));
    }
    // `localhost:80/x` parses as the scheme `localhost`; most tools would go to a host of that name.
    if url.host().is_none() && !HOSTLESS.contains(&url.scheme()) {
        others.push(visible.to_owned());
        suspects.extend(guessed(visible));
    }
    Readings::new(normal, others, suspects)
}

/// Whether a URL in normal form stays on this machine.
pub fn is_loopback(normal: &str) -> bool {
    let Ok(url) = Url::parse(normal) else {
        return false;
    };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback()
                || address
                    .to_ipv4_mapped()
                    .is_some_and(|v4: Ipv4Addr| v4.is_loopback())
        }
        None => false,
    }
}

/// Most times that a URL is read again.
const MAX_ROUNDS: usize = 8;

fn parse(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    // These fail only for URLs that can have none of it.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    if let Some(host) = url.host_str().map(str::to_owned)
        && host.ends_with('.')
    {
        let _ = url.set_host(Some(host.trim_end_matches('.')));
    }
    Some(url)
}

/// A text that is no absolute URL: itself, its lexical path, and what it would be as a host.
fn opaque(visible: &str) -> Readings {
    let normal = visible.to_owned();
    let unfolded = unfold(visible);
    let others = vec![lexical(visible), lexical(&unfolded.replace('\\', "/"))];
    let mut suspects = guessed(visible);
    if unfolded != visible {
        suspects.extend(normal_url(&unfolded));
        suspects.extend(guessed(&unfolded));
    }
    Readings::new(normal, others, suspects)
}

/// What a text without a scheme would be with the usual ones.
fn guessed(text: &str) -> Vec<String> {
    let rest = text.trim_start_matches(['/', '\\']);
    ["http", "https"]
        .iter()
        .filter_map(|scheme| parse(&format!("{scheme}://{rest}")))
        .map(|url| settled(&url))
        .collect()
}

/// The URL's text with percent-encoding in one form.
fn tidy(url: &Url) -> String {
    same_encoding(url.as_str())
}

/// The normal form: decoding may complete a `..` or end a host with a dot, so that the text is read again until
/// nothing changes.
fn settled(url: &Url) -> String {
    let mut text = tidy(url);
    for _ in 0..MAX_ROUNDS {
        match parse(&text).map(|url| tidy(&url)) {
            Some(again) if again != text => text = again,
            _ => break,
        }
    }
    text
}

/// Unreserved characters decoded, other encodings in upper case.
fn same_encoding(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let mut chars = after.chars();
        let digits = (
            chars.next().and_then(|c| c.to_digit(16)),
            chars.next().and_then(|c| c.to_digit(16)),
        );
        rest = after;
        let (Some(high), Some(low)) = digits else {
            out.push('%');
            continue;
        };
        rest = chars.as_str();
        match char::from_u32(high * 16 + low) {
            Some(c) if c.is_ascii_alphanumeric() || "-._~".contains(c) => out.push(c),
            _ => out.push_str(&format!("%{:02X}", high * 16 + low)),
        }
    }
    out.push_str(rest);
    out
}

/// The URL as a server sees it that decodes the path completely and resolves it again.
fn deep(url: &Url) -> String {
    let path = unfold(url.path()).replace('\\', "/");
    let resolved = lexical(&path);
    let slash = if path.ends_with('/') && resolved != "/" {
        "/"
    } else {
        ""
    };
    let (before, _) = url
        .as_str()
        .split_at_checked(before_path(url))
        .unwrap_or((url.as_str(), ""));
    let query = url
        .query()
        .map(|query| format!("?{}", same_encoding(query)))
        .unwrap_or_default();
    format!("{before}{resolved}{slash}{query}")
}

/// The length of scheme and host.
fn before_path(url: &Url) -> usize {
    let after = url.path().len() + url.query().map_or(0, |query| query.len() + 1);
    url.as_str().len().saturating_sub(after)
}

/// The same URL with an IPv4 address that was dressed up as IPv6.
fn mapped_ipv4(url: &Url) -> Option<Url> {
    let Some(Host::Ipv6(address)) = url.host() else {
        return None;
    };
    let mut plain = url.clone();
    plain
        .set_host(Some(&address.to_ipv4_mapped()?.to_string()))
        .ok()?;
    Some(plain)
}

/// The host of a URL in normal form, without brackets; `None` where it has none.
pub fn host_of(normal: &str) -> Option<String> {
    let url = Url::parse(normal).ok()?;
    Some(match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    })
}
