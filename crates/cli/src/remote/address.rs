//! Which server, as it was named, and whether a key may go there.

use super::VARIABLE;
use crate::errors::Failure;
use reqwest::Url;

/// A server as it was named.
pub(crate) struct Named {
    url: String,
    /// On the command line, and not in the environment.
    pub(super) by_flag: bool,
    allow_http: bool,
}

impl Named {
    /// The server that the flag names, or else the environment.
    pub(crate) fn of(flag: Option<&str>, allow_http: bool) -> Option<Self> {
        let url = match flag {
            Some(url) => url.to_owned(),
            None => std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?,
        };
        Some(Self {
            url,
            by_flag: flag.is_some(),
            allow_http,
        })
    }

    /// Its address. `with_key`: a key is to be sent there.
    ///
    /// # Errors
    /// It is no address of a server, or the key could be read on the way.
    pub(super) fn url(&self, with_key: bool) -> Result<Url, Failure> {
        let bad = |why: &str| {
            Failure::usage(format!("`{}` is no address of a server: {why}", self.url))
                .remedy("give it as `https://mandate.example.org` or `http://127.0.0.1:7447`")
        };
        let url = Url::parse(&self.url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(bad("it begins with `https://` or `http://`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("a name or password in it would be seen by everybody"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("there is something behind its path"));
        }
        if url.scheme() == "http" && with_key && !self.allow_http && !is_here(&url) {
            return Err(Failure::usage(format!(
                "the key would go to `{}` without TLS, where others can read it",
                self.url
            ))
            .remedy(
                "use `https://`, or a tunnel to 127.0.0.1; `--allow-http` sends it all the same",
            ));
        }
        Ok(url)
    }
}

/// Whether it is this machine, whatever a resolver says.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address: Result<std::net::IpAddr, _> = bare.parse();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::Named;

    fn taken(url: &str, allow_http: bool, with_key: bool) -> bool {
        let named = Named::of(Some(url), allow_http).unwrap();
        named.url(with_key).is_ok()
    }

    #[test]
    fn a_key_goes_elsewhere_by_tls_alone() {
        for url in [
            "http://127.0.0.1:7447",
            "http://[::1]:7447/",
            "http://localhost",
            "https://mandate.example.org/behind/a/path",
        ] {
            assert!(taken(url, false, true), "{url}");
        }
        for url in [
            "http://mandate.example.org",
            "http://10.0.0.7:7447",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
        ] {
            assert!(!taken(url, false, true), "{url}");
            assert!(taken(url, false, false) && taken(url, true, true), "{url}");
        }
        for url in [
            "mandate.example.org",
            "ftp://127.0.0.1",
            "http://ann:secret@127.0.0.1",
            "http://127.0.0.1/?a=b",
            "",
        ] {
            assert!(!taken(url, true, false), "{url}");
        }
    }
}
