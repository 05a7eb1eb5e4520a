//! Whether spans are sent, and where to: by the environment variables of OpenTelemetry. What cannot be meant is refused, with the
//! variable's name and without its value, which may be a secret.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry_otlp::Compression;
use opentelemetry_sdk::trace::Sampler;
use url::Url;

use super::sampling::JobSampler;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const DELAY: &str = "OTEL_BSP_SCHEDULE_DELAY";
/// What is wrong with a URL that no collector can have.
const NO_COLLECTOR: &str = "this is no URL of a collector, such as http://127.0.0.1:4318";
/// Time in which a collector must have taken spans.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two sendings.
const DEFAULT_DELAY: Duration = Duration::from_secs(5);
/// Milliseconds that the variables for times can have.
const MILLIS: std::ops::RangeInclusive<u64> = 10..=60_000;

/// Where spans are sent to, and which.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    pub(super) endpoint: Url,
    /// Headers for the collector, whose values are percent-encoded.
    pub(super) headers: HashMap<String, String>,
    pub(super) compression: Option<Compression>,
    pub(super) timeout: Duration,
    pub(super) delay: Duration,
    pub(super) sampler: JobSampler,
}

/// A variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {flaw}")]
pub struct TraceSettingsError {
    variable: String,
    flaw: String,
}

impl TraceSettingsError {
    fn new(variable: &str, flaw: impl Into<String>) -> Self {
        Self { variable: variable.to_owned(), flaw: flaw.into() }
    }

    /// The collector's URL cannot be used. The reasons of libraries are left out, because they have the URL.
    pub(super) fn no_collector() -> Self {
        Self::new(ENDPOINT, NO_COLLECTOR)
    }
}

impl TraceSettings {
    /// Reads the process's environment. Returns `None` if it names no collector, or turns traces off.
    ///
    /// # Errors
    /// If a variable has a value that cannot be used.
    pub fn of_environment() -> Result<Option<Self>, TraceSettingsError> {
        Self::read(|name| std::env::var_os(name).map(|value| value.into_string().map_err(drop)))
    }

    /// Reads variables. `variable` returns the value of one, or an error for a value that is no text.
    fn read(variable: impl Fn(&str) -> Option<Result<String, ()>>) -> Result<Option<Self>, TraceSettingsError> {
        // An empty variable counts as not set, as the specification has it.
        let get = |name: &str| match variable(name) {
            Some(Ok(value)) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
            Some(Err(())) => Err(TraceSettingsError::new(name, "this is no text")),
            None => Ok(None),
        };
        let of_traces = |name: &str| {
            let own = format!("OTEL_EXPORTER_OTLP_TRACES_{name}");
            Ok(match get(&own)? {
                Some(value) => Some((own, value)),
                None => {
                    let general = format!("OTEL_EXPORTER_OTLP_{name}");
                    get(&general)?.map(|value| (general, value))
                }
            })
        };
        let endpoint = match (get(TRACES_ENDPOINT)?, get(ENDPOINT)?) {
            (Some(own), _) => endpoint(TRACES_ENDPOINT, &own)?,
            (None, Some(general)) => with_path(endpoint(ENDPOINT, &general)?),
            (None, None) => return Ok(None),
        };
        let is_disabled = get("OTEL_SDK_DISABLED")?.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let exporter = get("OTEL_TRACES_EXPORTER")?;
        if is_disabled || exporter.as_deref() == Some("none") {
            return Ok(None);
        }
        if exporter.is_some_and(|exporter| exporter != "otlp") {
            let flaw = "Bulkhead sends traces by 'otlp' alone; leave the variable out, or turn traces off by 'none'";
            return Err(TraceSettingsError::new("OTEL_TRACES_EXPORTER", flaw));
        }
        if let Some((variable, protocol)) = of_traces("PROTOCOL")?
            && protocol != "http/protobuf"
        {
            let flaw = "Bulkhead speaks 'http/protobuf' alone; leave the variable out, and name the port of the collector at which it takes HTTP, which is usually 4318";
            return Err(TraceSettingsError::new(&variable, flaw));
        }
        let compression =
            of_traces("COMPRESSION")?.map(|(variable, value)| compression(&variable, &value)).transpose()?;
        let headers = of_traces("HEADERS")?.map(|(variable, value)| headers(&variable, &value)).transpose()?;
        let timeout = of_traces("TIMEOUT")?.map(|(variable, value)| millis(&variable, &value)).transpose()?;
        let delay = get(DELAY)?.map(|value| millis(DELAY, &value)).transpose()?;
        let sampler = sampler(get("OTEL_TRACES_SAMPLER")?.as_deref(), get("OTEL_TRACES_SAMPLER_ARG")?.as_deref())?;
        Ok(Some(Self {
            endpoint,
            headers: headers.unwrap_or_default(),
            compression: compression.flatten(),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            delay: delay.unwrap_or(DEFAULT_DELAY),
            sampler,
        }))
    }

    /// Returns the scheme, the host and the port of the collector, for the log. The rest of a URL can have a secret.
    pub fn collector(&self) -> String {
        self.endpoint.origin().ascii_serialization()
    }
}

fn endpoint(variable: &str, text: &str) -> Result<Url, TraceSettingsError> {
    let flaw = |flaw: &str| TraceSettingsError::new(variable, flaw);
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    // The sender has a stricter parser, and its refusal would print the URL.
    let url = url.filter(|url| url.as_str().parse::<hyper::Uri>().is_ok()).ok_or_else(|| flaw(NO_COLLECTOR))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(flaw("a URL with a user or a password is not used; give them by OTEL_EXPORTER_OTLP_HEADERS"));
    }
    Ok(url)
}

/// Returns where a collector takes traces, if it takes everything at folders of `base`.
fn with_path(mut base: Url) -> Url {
    let path = format!("{}/v1/traces", base.path().trim_end_matches('/'));
    base.set_path(&path);
    base
}

/// Headers that say how a request is sent, and so cannot be chosen.
const OWN_HEADERS: [&str; 6] =
    ["connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding"];

fn compression(variable: &str, text: &str) -> Result<Option<Compression>, TraceSettingsError> {
    match text {
        "gzip" => Ok(Some(Compression::Gzip)),
        "none" => Ok(None),
        _ => Err(TraceSettingsError::new(variable, "this must be 'gzip' or 'none'")),
    }
}

fn headers(variable: &str, text: &str) -> Result<HashMap<String, String>, TraceSettingsError> {
    let headers = text.split(',').map(str::trim).filter(|header| !header.is_empty()).map(header);
    headers.collect::<Option<_>>().ok_or_else(|| {
        let flaw = "this must be names and values of headers, such as api-key=SECRET, separated by commas, with a space written as %20";
        TraceSettingsError::new(variable, flaw)
    })
}

/// Reads the name and the value of a header; `None` if it cannot be sent.
fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8().ok()?;
    let is_usable = !OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name))
        && hyper::header::HeaderName::from_bytes(name.as_bytes()).is_ok()
        && hyper::header::HeaderValue::from_str(&decoded).is_ok();
    is_usable.then(|| (name.to_owned(), value.to_owned()))
}

fn millis(variable: &str, text: &str) -> Result<Duration, TraceSettingsError> {
    let millis = text.parse().ok().filter(|millis| MILLIS.contains(millis));
    millis.map(Duration::from_millis).ok_or_else(|| {
        let flaw = format!("this must be a number of milliseconds from {} to {}", MILLIS.start(), MILLIS.end());
        TraceSettingsError::new(variable, flaw)
    })
}

fn sampler(name: Option<&str>, share: Option<&str>) -> Result<JobSampler, TraceSettingsError> {
    let name = name.unwrap_or("parentbased_always_on");
    let (is_parent_based, root) = match name.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, name),
    };
    let root = match root {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => {
            let share = share.map_or(Ok(1.0), str::parse).ok().filter(|share| (0.0..=1.0).contains(share));
            let flaw = "this must be a number from 0 to 1, such as 0.1 for a tenth of all traces";
            Sampler::TraceIdRatioBased(share.ok_or_else(|| TraceSettingsError::new("OTEL_TRACES_SAMPLER_ARG", flaw))?)
        }
        _ => {
            let flaw = "this must be always_on, always_off or traceidratio, or one of these after parentbased_";
            return Err(TraceSettingsError::new("OTEL_TRACES_SAMPLER", flaw));
        }
    };
    Ok(JobSampler::new(root, is_parent_based))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry_otlp::Compression;

    use super::TraceSettings;

    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

    fn read(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| Ok((*value).into()));
        TraceSettings::read(find).map_err(|error| error.to_string())
    }

    #[test]
    fn traces_are_on_where_a_collector_is_named_and_nothing_turns_them_off() {
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example/in");
        for (variables, endpoint) in [
            (&[][..], None),
            (&[("OTEL_SERVICE_NAME", "bulkhead"), ("OTEL_TRACES_SAMPLER", "nonsense")], None),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], None),
            (&[BASE], Some("http://127.0.0.1:4318/v1/traces")),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1]:4318/otlp/")], Some("http://[::1]:4318/otlp/v1/traces")),
            (&[own], Some("https://traces.example/in")),
            (&[BASE, own], Some("https://traces.example/in")),
            (&[BASE, ("OTEL_SDK_DISABLED", "True")], None),
            (&[BASE, ("OTEL_SDK_DISABLED", "1")], Some("http://127.0.0.1:4318/v1/traces")),
            (&[BASE, ("OTEL_TRACES_EXPORTER", "none")], None),
            (&[BASE, ("OTEL_TRACES_EXPORTER", "otlp")], Some("http://127.0.0.1:4318/v1/traces")),
        ] {
            let settings = read(variables).unwrap();
            assert_eq!(settings.as_ref().map(|settings| settings.endpoint.as_str()), endpoint, "{variables:?}");
        }
        let settings = read(&[BASE]).unwrap().unwrap();
        assert_eq!((settings.timeout, settings.delay), (Duration::from_secs(10), Duration::from_secs(5)));
        let times = [BASE, ("OTEL_EXPORTER_OTLP_TIMEOUT", "200"), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
        let settings = read(&times).unwrap().unwrap();
        assert_eq!((settings.timeout, settings.delay), (Duration::from_millis(200), Duration::from_millis(50)));
        assert_eq!(settings.collector(), "http://127.0.0.1:4318");
    }

    /// Also where the one for traces is empty, which counts as not set.
    #[test]
    fn headers_and_compression_for_traces_count_before_those_for_everything() {
        for (of_traces, general, headers, compression) in [
            ([None, None], [None, None], &[][..], None),
            (
                [None, None],
                [Some("a=1,b=x%20y,"), Some("gzip")],
                &[("a", "1"), ("b", "x%20y")],
                Some(Compression::Gzip),
            ),
            ([Some("c=2"), Some("none")], [Some("a=1"), Some("gzip")], &[("c", "2")], None),
            ([Some(" "), Some("")], [Some("a = 1"), Some(" gzip ")], &[("a", "1")], Some(Compression::Gzip)),
        ] {
            let names = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"];
            let names = names.into_iter().chain(["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_COMPRESSION"]);
            let set = names.zip(of_traces.into_iter().chain(general));
            let mut variables: Vec<_> = set.filter_map(|(name, value)| Some((name, value?))).collect();
            variables.push(BASE);
            let settings = read(&variables).unwrap().unwrap();
            let expected = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!((settings.headers, settings.compression), (expected, compression), "{variables:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_the_name_of_its_variable() {
        for (variable, values) in [
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &[
                    "127.0.0.1:4318",
                    "grpc://hunter2.example",
                    "http://",
                    "hunter2",
                    "https://user:hunter2@c.example",
                    "https://{hunter2}.example",
                ][..],
            ),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &["localhost:4318", "file:///hunter2", "http://{hunter2}/"]),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", &["grpc", "http/json", "hunter2"]),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", &["grpc"]),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", &["zstd", "hunter2"]),
            ("OTEL_EXPORTER_OTLP_HEADERS", &["hunter2", "a b=hunter2", "a=hunter2%0A", "=hunter2", "Host=hunter2"]),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", &["hunter2", "content-length=1"]),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", &["zstd", "hunter2"]),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", &["hunter2", "-1", "0", "60001", "1.5"]),
            ("OTEL_BSP_SCHEDULE_DELAY", &["0", "hunter2"]),
            ("OTEL_TRACES_EXPORTER", &["console", "zipkin", "hunter2"]),
            ("OTEL_TRACES_SAMPLER", &["hunter2", "jaeger_remote", "parentbased_hunter2"]),
        ] {
            for value in values {
                let mut variables = vec![(variable, *value)];
                variables.extend((!variable.ends_with("ENDPOINT")).then_some(BASE));
                let refused = read(&variables).unwrap_err();
                assert!(refused.starts_with(variable) && !refused.contains("hunter2"), "{variable}: {refused}");
            }
        }
        for share in ["hunter2", "-0.1", "1.1", "NaN"] {
            let ratio = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
            let refused = read(&[BASE, ratio, ("OTEL_TRACES_SAMPLER_ARG", share)]).unwrap_err();
            assert!(refused.starts_with("OTEL_TRACES_SAMPLER_ARG") && !refused.contains("hunter2"), "{refused}");
        }
    }
}
