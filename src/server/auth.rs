//! Who may come in: the token, its cookie, and the addresses that requests may name.
//!
//! A terminal in a browser is a shell for whoever reaches the port. A page of a stranger must not
//! reach it through the user's browser either: hence `Host` (DNS rebinding), `Origin` and
//! `Sec-Fetch-Site` (cross-site requests) are checked beside the secret.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, HOST, ORIGIN},
};
use subtle::ConstantTimeEq;

/// What decides whether a request comes in.
#[derive(Debug, Clone)]
pub struct Gate {
    /// The secret; none where the user chose to have none.
    token: Option<String>,
    /// The cookie's name; cookies ignore ports, so each instance has its own.
    cookie: String,
    /// Where the cookie is valid.
    base_path: String,
    /// Whether browsers must send the cookie over TLS only.
    secure: bool,
    /// Hosts that requests may name beside the loopback's.
    hosts: Vec<String>,
    /// The origin that browsers see, where a proxy stands before us.
    public_origin: Option<String>,
}

/// Where and how the server is reached.
#[derive(Debug, Clone, Default)]
pub struct GateOptions {
    /// The secret, if any.
    pub token: Option<String>,
    /// The port.
    pub port: u16,
    /// The path under which all is served, with a slash at both ends.
    pub base_path: String,
    /// Whether the server itself speaks TLS.
    pub tls: bool,
    /// The origin that browsers see, such as `https://labs.example.org`, where it is another.
    pub public_origin: Option<String>,
    /// Hosts that requests may name beside the loopback's and the public one, without ports.
    pub hosts: Vec<String>,
}

/// Why a request stays out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The host is none that is served here.
    Host,
    /// The request comes from another site.
    Origin,
    /// The secret is missing or wrong.
    Token,
    /// The link into a lab is not valid, or no more.
    Link,
    /// The address of a link came without the link's secret.
    NoLink,
}

/// Hosts that always lead to the machine itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Gate {
    /// Makes a gate.
    #[must_use]
    pub fn new(options: GateOptions) -> Self {
        let public = options.public_origin.as_deref();
        let secure = public.map_or(options.tls, |origin| origin.starts_with("https://"));
        let public_host = public
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, host)| host);
        let mut hosts = options.hosts;
        hosts.extend(public_host.map(|host| without_port(host).to_owned()));
        Self {
            cookie: cookie_name(options.port, &options.base_path),
            token: options.token,
            base_path: options.base_path,
            secure,
            hosts,
            public_origin: options.public_origin,
        }
    }

    /// Checks that the request names a host that is served here.
    ///
    /// # Errors
    ///
    /// [`Refusal::Host`].
    pub fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut given = headers.get_all(HOST).iter();
        // Of two hosts, a proxy might have looked at the other one.
        let (Some(host), None) = (given.next(), given.next()) else {
            return Err(Refusal::Host);
        };
        let host = host.to_str().map(without_port).unwrap_or_default();
        let own = self.hosts.iter().map(String::as_str);
        if LOOPBACK
            .into_iter()
            .chain(own)
            .any(|known| known.eq_ignore_ascii_case(host))
        {
            Ok(())
        } else {
            Err(Refusal::Host)
        }
    }

    /// Checks whoever asks for a page or a file.
    ///
    /// # Errors
    ///
    /// [`Refusal::Token`] when the secret is missing or wrong.
    pub fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let given = cookies(headers, &self.cookie)
            .into_iter()
            .chain(bearer(headers));
        let mut right = false;
        for secret in given {
            right |= same(secret, token);
        }
        if right { Ok(()) } else { Err(Refusal::Token) }
    }

    /// Checks whoever opens a socket, which is what changes anything.
    ///
    /// # Errors
    ///
    /// [`Refusal::Origin`] when a page of another site asks, or a browser's cookie comes without
    /// an origin; [`Refusal::Token`] when the secret is missing or wrong.
    pub fn check_socket(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check_site(headers)?;
        if self.token.is_some() {
            self.check_origin(headers)?;
        }
        self.check_token(headers)
    }

    /// Checks that whoever opens a socket by a secret is a page of this server, or a program.
    ///
    /// # Errors
    ///
    /// [`Refusal::Origin`] when a page of another site asks, or a browser's cookie comes without
    /// an origin.
    pub fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check_site(headers)?;
        // Programs send no origin; they bring the secret themselves.
        if text(headers, &ORIGIN).is_none() && bearer(headers).is_none() {
            return Err(Refusal::Origin);
        }
        Ok(())
    }

    fn check_site(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let site = text(headers, &SEC_FETCH_SITE);
        if !matches!(site, None | Some("same-origin")) {
            return Err(Refusal::Origin);
        }
        match text(headers, &ORIGIN) {
            Some(origin) if !self.is_own(origin, headers) => Err(Refusal::Origin),
            _ => Ok(()),
        }
    }

    /// Whether `origin` is this server, as the browser sees it.
    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        if self
            .public_origin
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(origin))
        {
            return true;
        }
        let asked = origin
            .split_once("://")
            .filter(|(scheme, _)| ["http", "https"].contains(scheme));
        match (asked, text(headers, &HOST)) {
            (Some((_, origin)), Some(host)) => origin.eq_ignore_ascii_case(host),
            _ => false,
        }
    }

    /// The cookie that remembers a right `token`; nothing for a wrong one.
    #[must_use]
    pub fn cookie_for(&self, token: &str) -> Option<HeaderValue> {
        let own = self.token.as_deref().filter(|own| same(token, own))?;
        let value = self.set_cookie(&self.cookie, own, &self.base_path);
        HeaderValue::from_str(&value).ok()
    }

    /// The cookie that remembers the secret of a link, below `path`.
    #[must_use]
    pub fn link_cookie(&self, token: &str, path: &str) -> String {
        self.set_cookie(&self.link_cookie_name(), token, path)
    }

    /// The secrets of links that a request brings.
    #[must_use]
    pub fn link_secrets<'a>(&self, headers: &'a HeaderMap) -> Vec<&'a str> {
        let mut secrets = cookies(headers, &self.link_cookie_name());
        secrets.extend(bearer(headers));
        secrets
    }

    /// The address under which others reach the base path, where it was given.
    #[must_use]
    pub fn public_url(&self) -> Option<String> {
        let origin = self.public_origin.as_ref()?;
        Some(format!("{origin}{}", self.base_path))
    }

    fn link_cookie_name(&self) -> String {
        format!("{}_link", self.cookie)
    }

    fn set_cookie(&self, name: &str, value: &str, path: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{secure}")
    }
}

/// The values of all cookies with that name.
fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let pairs = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value)
        .collect()
}

/// A cookie's name that no instance with another port or base path has.
fn cookie_name(port: u16, base_path: &str) -> String {
    let path: String = base_path
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("katahost_{port}_{path}")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    text(headers, &AUTHORIZATION)?.strip_prefix("Bearer ")
}

/// Compares without telling by its time where the difference is.
fn same(given: &str, own: &str) -> bool {
    given.as_bytes().ct_eq(own.as_bytes()).into()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A host without its port; the brackets of an IPv6 address stay.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gate(token: Option<&str>) -> Gate {
        Gate::new(GateOptions {
            token: token.map(str::to_owned),
            port: 7681,
            base_path: "/".to_owned(),
            public_origin: Some("https://labs.example.org".to_owned()),
            ..GateOptions::default()
        })
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        pairs.iter().map(pair).collect()
    }

    const COOKIE_OK: (&str, &str) = ("cookie", "a=b; katahost_7681_2f=secret");

    #[test]
    fn host_of_a_stranger_is_refused() {
        for host in [
            "localhost:7681",
            "127.0.0.1:7681",
            "[::1]:7681",
            "labs.example.org",
        ] {
            assert_eq!(
                gate(None).check_host(&headers(&[("host", host)])),
                Ok(()),
                "{host}"
            );
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:7681",
            "labs.example.org.evil",
        ] {
            let refused = gate(None).check_host(&headers(&[("host", host)]));
            assert_eq!(refused, Err(Refusal::Host), "{host}");
        }
    }

    #[test]
    fn host_is_compared_as_a_whole_and_in_any_case() {
        let check = |host: &str| gate(None).check_host(&headers(&[("host", host)]));
        for host in [
            "LOCALHOST:7681",
            "LocalHost",
            "localhost:",
            "LABS.example.org:1",
        ] {
            assert_eq!(check(host), Ok(()), "{host}");
        }
        for host in [
            "",
            ":7681",
            "localhost.",
            "localhost.:7681",
            "user@localhost",
            "localhost@evil.example",
            "localhost:7681@evil.example",
            "localhost:7681:7681x",
            "localhost:7681, evil.example",
            "localhost/evil.example",
            "evil.example#localhost",
            "::1",
            "[::1",
            "127.1",
            "0.0.0.0",
            "2130706433",
            "localhost evil",
        ] {
            assert_eq!(check(host), Err(Refusal::Host), "{host}");
        }
        let mut two = headers(&[("host", "localhost")]);
        two.append("host", HeaderValue::from_static("evil.example"));
        assert_eq!(gate(None).check_host(&two), Err(Refusal::Host));
        assert_eq!(gate(None).check_host(&HeaderMap::new()), Err(Refusal::Host));
    }

    #[test]
    fn origin_is_compared_as_a_whole() {
        for origin in [
            "",
            "http://",
            "localhost:7681",
            "http://localhost",
            "http://localhost:7681/",
            "http://localhost:7681.evil.example",
            "http://evil.example@localhost:7681",
            "http://evil.example/localhost:7681",
            "http://localhost:7681 http://evil.example",
            "ws://localhost:7681",
            "javascript://localhost:7681",
            "https://labs.example.org.evil.example",
            "https://labs.example.org:444",
            "http://labs.example.org",
        ] {
            let pairs = [("host", "localhost:7681"), ("origin", origin), COOKIE_OK];
            let refused = gate(Some("secret")).check_socket(&headers(&pairs));
            assert_eq!(refused, Err(Refusal::Origin), "{origin}");
        }
    }

    proptest! {
        #[test]
        fn prop_no_host_passes_but_the_known_ones(
            host in "(localhost|127[.]0[.]0[.]1|\\[::1\\]|[ -~]{0,12})([.:@/]?[ -~]{0,6})"
        ) {
            if gate(None).check_host(&headers(&[("host", &host)])).is_ok() {
                let (name, port) = host.rsplit_once(':').unwrap_or((&host, ""));
                let (name, port) = if host.ends_with(']') { (host.as_str(), "") } else { (name, port) };
                prop_assert!(port.bytes().all(|byte| byte.is_ascii_digit()), "{}", host);
                let known = [&LOOPBACK[..], &["labs.example.org"]].concat();
                prop_assert!(known.contains(&&*name.to_ascii_lowercase()), "{}", host);
            }
        }

        #[test]
        fn prop_no_origin_passes_but_our_own(
            scheme in "(https?|[a-z]{1,5})(://|:|//)",
            place in "(localhost:7681|[ -~]{0,16})",
        ) {
            let origin = format!("{scheme}{place}");
            let pairs = [("host", "localhost:7681"), ("origin", &*origin), COOKIE_OK];
            if gate(Some("secret")).check_socket(&headers(&pairs)).is_ok() {
                let own = ["http://localhost:7681", "https://localhost:7681", "https://labs.example.org"];
                prop_assert!(own.contains(&&*origin.to_ascii_lowercase()), "{}", origin);
            }
        }
    }

    #[test]
    fn right_cookie_or_bearer_comes_in() {
        let gate = gate(Some("secret"));
        assert_eq!(gate.check_token(&headers(&[COOKIE_OK])), Ok(()));
        assert_eq!(
            gate.check_token(&headers(&[("authorization", "Bearer secret")])),
            Ok(())
        );
    }

    #[test]
    fn missing_wrong_or_foreign_secret_stays_out() {
        let gate = gate(Some("secret"));
        for pair in [
            ("cookie", "katahost_7681_2f=wrong"),
            ("cookie", "katahost_7682_2f=secret"),
            ("cookie", "katahost_7681_2f782f=secret"),
            ("authorization", "Bearer secre"),
            ("authorization", "secret"),
        ] {
            assert_eq!(
                gate.check_token(&headers(&[pair])),
                Err(Refusal::Token),
                "{pair:?}"
            );
        }
        assert_eq!(gate.check_token(&headers(&[])), Err(Refusal::Token));
    }

    #[test]
    fn socket_from_another_site_is_refused() {
        let gate = gate(Some("secret"));
        let check = |origin: &str| {
            let host = ("host", "localhost:7681");
            gate.check_socket(&headers(&[host, ("origin", origin), COOKIE_OK]))
        };
        assert_eq!(check("http://localhost:7681"), Ok(()));
        assert_eq!(check("https://labs.example.org"), Ok(()));
        for origin in [
            "http://evil.example",
            "http://localhost:7682",
            "null",
            "file://x",
        ] {
            assert_eq!(check(origin), Err(Refusal::Origin), "{origin}");
        }
    }

    #[test]
    fn cookie_without_an_origin_opens_no_socket() {
        let gate = gate(Some("secret"));
        let host = ("host", "localhost:7681");
        assert_eq!(
            gate.check_socket(&headers(&[host, COOKIE_OK])),
            Err(Refusal::Origin)
        );
        let program = headers(&[host, ("authorization", "Bearer secret")]);
        assert_eq!(gate.check_socket(&program), Ok(()));
    }

    #[test]
    fn cross_site_fetch_opens_no_socket_even_without_a_token() {
        let stranger = headers(&[("host", "localhost:7681"), ("sec-fetch-site", "cross-site")]);
        assert_eq!(gate(None).check_socket(&stranger), Err(Refusal::Origin));
    }

    #[test]
    fn cookie_is_made_for_the_right_token_only() {
        let gate = gate(Some("secret"));
        assert_eq!(gate.cookie_for("wrong"), None);
        assert_eq!(
            gate.cookie_for("secret").unwrap(),
            "katahost_7681_2f=secret; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
    }
}
