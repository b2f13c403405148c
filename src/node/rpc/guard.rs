//! Which `Host` and which `Origin` may speak to the node.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

/// Where a browser says how the page that asks is related to us (Fetch Metadata Request Headers, W3C).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Names and origins that are allowed beside the usual ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Guard {
    /// Host names in lower case, without port.
    hosts: Vec<String>,
    /// Origins such as `http://localhost:5173`, in lower case.
    origins: Vec<String>,
}

/// Why a request is turned away before anybody reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// There is not exactly one sensible `Host`.
    #[error("the request needs exactly one Host header that names this node")]
    NoHost,
    /// The name is not ours.
    #[error(
        "host `{0}` is not allowed here: use localhost or an IP address, or allow the name in the node's configuration"
    )]
    Host(String),
    /// The page is not ours.
    #[error(
        "origin `{0}` is not allowed here: allow it in the node's configuration if you trust every page from there"
    )]
    Origin(String),
}

/// From where a request that may pass comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// From no page at all, or from one of ours.
    Home,
    /// From a page of an origin that the operator allowed, which must be told so.
    Allowed(HeaderValue),
}

/// A configured host name or origin that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {what}")]
pub struct GuardError {
    given: String,
    what: &'static str,
}

impl Guard {
    /// A guard that allows these names and origins beside the usual ones.
    pub(super) fn new(hosts: &[String], origins: &[String]) -> Result<Self, GuardError> {
        let host = |text: &String| match text.parse::<Authority>() {
            Ok(authority) if authority.as_str() == authority.host() => Ok(text.to_lowercase()),
            _ => Err(GuardError { given: text.clone(), what: "a host name without a port" }),
        };
        let origin = |text: &String| match text.parse::<Uri>() {
            Ok(uri) if uri.scheme().is_some() && uri.path() == "/" && !text.ends_with('/') => {
                Ok(text.to_lowercase())
            }
            _ => Err(GuardError {
                given: text.clone(),
                what: "an origin such as http://localhost:5173",
            }),
        };
        Ok(Self {
            hosts: hosts.iter().map(host).collect::<Result<_, _>>()?,
            origins: origins.iter().map(origin).collect::<Result<_, _>>()?,
        })
    }

    /// Whether a request with this head may pass.
    pub(super) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<From, Refused> {
        let mut given = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (given.next(), given.next()) else { return Err(Refused::NoHost) };
        let host: Authority =
            host.to_str().ok().and_then(|host| host.parse().ok()).ok_or(Refused::NoHost)?;
        self.check_host(&host)?;
        // A proxy's request names its host in the first line as well.
        if let Some(authority) = uri.authority() {
            self.check_host(authority)?;
        }
        let from = self.check_origin(&host, headers)?;
        // Browsers that hide the origin of a form still say that it comes from elsewhere.
        let elsewhere =
            headers.get(&FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none");
        if from == From::Home && elsewhere && *method == Method::POST {
            return Err(Refused::Origin("a page of another site".into()));
        }
        Ok(from)
    }

    /// `localhost`, IP literals, and what is configured. A literal is safe: rebinding needs a name.
    fn check_host(&self, authority: &Authority) -> Result<(), Refused> {
        let host = authority.host().to_lowercase();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let known = host == "localhost" || literal.is_ok() || self.hosts.contains(&host);
        let plain = !authority.as_str().contains('@');
        if known && plain { Ok(()) } else { Err(Refused::Host(shown(authority.as_str()))) }
    }

    /// No origin (not a browser), our own, or one that is configured.
    fn check_origin(&self, host: &Authority, headers: &HeaderMap) -> Result<From, Refused> {
        let mut given = headers.get_all(header::ORIGIN).iter();
        let Some(value) = given.next() else { return Ok(From::Home) };
        let text = value.to_str().map(str::to_lowercase).unwrap_or_default();
        if given.next().is_some() {
            return Err(Refused::Origin(shown(&text)));
        }
        if text.strip_prefix("http://") == Some(&host.as_str().to_lowercase()) {
            return Ok(From::Home);
        }
        if self.origins.contains(&text) {
            return Ok(From::Allowed(value.clone()));
        }
        Err(Refused::Origin(shown(&text)))
    }
}

/// Foreign text, cut to what an error should carry.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let origins = ["http://localhost:5173".to_owned()];
        Guard::new(&["node-0".to_owned()], &origins).unwrap()
    }

    fn headers(list: &[(header::HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn hosts_are_localhost_literals_and_what_is_configured() {
        for (host, allowed) in [
            ("localhost", true),
            ("LocalHost:8645", true),
            ("127.0.0.1:1", true),
            ("10.1.2.3:8645", true),
            ("[::1]:8645", true),
            ("node-0:80", true),
            ("evil.example", false),
            ("localhost.evil.example:8645", false),
            ("127.0.0.1.evil.example", false),
            ("user@localhost", false),
            ("node-01", false),
            ("", false),
            ("a b", false),
        ] {
            let answer = guard().check(
                &Method::POST,
                &Uri::from_static("/"),
                &headers(&[(header::HOST, host)]),
            );
            assert_eq!(answer.is_ok(), allowed, "{host}: {answer:?}");
        }
    }

    #[test]
    fn a_host_is_given_once_and_wherever_it_is_given_it_is_checked() {
        let root = Uri::from_static("/");
        let two = [(header::HOST, "localhost"), (header::HOST, "localhost")];
        assert_eq!(guard().check(&Method::POST, &root, &headers(&[])), Err(Refused::NoHost));
        assert_eq!(guard().check(&Method::POST, &root, &headers(&two)), Err(Refused::NoHost));
        let absolute = Uri::from_static("http://evil.example/");
        let refused = guard().check(&Method::POST, &absolute, &headers(&two[..1]));
        assert_eq!(refused, Err(Refused::Host("evil.example".into())));
    }

    #[test]
    fn pages_speak_from_here_or_from_where_the_operator_allows() {
        for (origin, allowed) in [
            ("http://localhost:8645", true),
            ("http://localhost:5173", true),
            ("http://localhost", false),
            ("http://localhost:9999", false),
            ("https://localhost:8645", false),
            ("http://evil.example", false),
            ("null", false),
            ("file://", false),
        ] {
            let list = [(header::HOST, "localhost:8645"), (header::ORIGIN, origin)];
            let answer = guard().check(&Method::POST, &Uri::from_static("/"), &headers(&list));
            assert_eq!(answer.is_ok(), allowed, "{origin}: {answer:?}");
        }
        let twice = [
            (header::HOST, "localhost:8645"),
            (header::ORIGIN, "http://localhost:8645"),
            (header::ORIGIN, "http://evil.example"),
        ];
        assert!(guard().check(&Method::POST, &Uri::from_static("/"), &headers(&twice)).is_err());
    }

    #[test]
    fn what_is_configured_must_make_sense() {
        for host in ["node:80", "a b", "http://node"] {
            assert!(Guard::new(&[host.to_owned()], &[]).is_err(), "{host}");
        }
        for origin in ["localhost:80", "*", "null", "http://localhost/", "http://localhost/x"] {
            assert!(Guard::new(&[], &[origin.to_owned()]).is_err(), "{origin}");
        }
    }
}
