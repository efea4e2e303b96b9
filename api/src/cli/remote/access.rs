//! Where the server is, and the key that opens it.

use std::path::{Path, PathBuf};

use clap::Args;
use ureq::http::HeaderValue;
use url::Url;

use super::client::Client;
use super::failure::Failure;
use crate::config::{Secret, Settings};

/// Which server is asked, by whom, and how it is answered.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server and output")]
pub struct Access {
    /// Where the server is [default: where its configuration (INTERFLOW_LISTEN, --config) lets it listen, else
    /// http://127.0.0.1:3000]
    #[arg(long, env = "INTERFLOW_URL", value_name = "URL", global = true)]
    url: Option<String>,
    /// The API key. Others on this machine see the arguments of a program: a file or the environment keeps it to
    /// yourself [env: INTERFLOW_API_KEY]
    #[arg(long, value_name = "KEY", global = true)]
    api_key: Option<Secret>,
    /// A file that holds the API key [env: INTERFLOW_API_KEY_FILE] [default: interflow/api-key in the
    /// configuration directory, usually ~/.config]
    #[arg(long, value_name = "FILE", global = true)]
    api_key_file: Option<PathBuf>,
    /// The server's configuration file, which says where it listens
    #[arg(long, env = "INTERFLOW_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print the API's data as it is, one object a line; errors too, as one object on standard error
    #[arg(long, global = true)]
    pub json: bool,
}

const NO_KEY: &str = "there is no API key: give it in INTERFLOW_API_KEY, --api-key-file, --api-key or ~/.config/interflow/api-key";

impl Access {
    /// A client of the server.
    pub fn client(self) -> Result<Client, Failure> {
        let base = match said(self.url) {
            Some(url) => parsed(&url)?,
            None => configured(self.config)?,
        };
        let key = key(self.api_key, self.api_key_file)?;
        Ok(Client::new(base, header(&key)?))
    }
}

/// An empty value says nothing.
fn said(value: Option<String>) -> Option<String> {
    value.filter(|text| !text.trim().is_empty())
}

fn environment(name: &str) -> Option<String> {
    said(std::env::var(name).ok())
}

fn parsed(text: &str) -> Result<Url, Failure> {
    let wrong = |why: &str| Failure::Usage(format!("the server's URL {why}"));
    let url = Url::parse(text.trim()).map_err(|error| wrong(&format!("is not one: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("must begin with http:// or https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must end with its path"));
    }
    Ok(url)
}

/// Where the server of this configuration is reached from the machine it runs on.
fn configured(config: Option<PathBuf>) -> Result<Url, Failure> {
    let listen = Settings::listening(config, environment("INTERFLOW_LISTEN"));
    let listen = listen.map_err(|error| Failure::Usage(error.to_string()))?;
    let unknown = || Failure::Usage(format!("a server on {listen} is found by its --url alone"));
    let (host, port) = listen.rsplit_once(':').ok_or_else(unknown)?;
    if port.parse::<u16>().map_or(true, |port| port == 0) {
        return Err(unknown());
    }
    let host = match host {
        "0.0.0.0" | "" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    parsed(&format!("http://{host}:{port}"))
}

/// What is said on the command line goes before the environment, and that before the file of the user.
fn key(given: Option<Secret>, file: Option<PathBuf>) -> Result<Secret, Failure> {
    if let Some(key) = given {
        return Ok(key);
    }
    if let Some(file) = file {
        return read(&file);
    }
    if let Some(key) = environment("INTERFLOW_API_KEY") {
        return Ok(key.as_str().into());
    }
    if let Some(file) = environment("INTERFLOW_API_KEY_FILE") {
        return read(Path::new(&file));
    }
    match own_file().filter(|file| file.exists()) {
        Some(file) => read(&file),
        None => Err(Failure::Usage(NO_KEY.to_owned())),
    }
}

fn own_file() -> Option<PathBuf> {
    let home = || environment("HOME").map(|home| Path::new(&home).join(".config"));
    let directory = environment("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
    Some(directory.join("interflow").join("api-key"))
}

fn read(file: &Path) -> Result<Secret, Failure> {
    let path = file.display().to_string();
    let text =
        std::fs::read_to_string(file).map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
    let key = text.trim();
    if key.is_empty() { Err(Failure::Usage(format!("{path} holds no API key"))) } else { Ok(key.into()) }
}

fn header(key: &Secret) -> Result<HeaderValue, Failure> {
    let wrong = |_| Failure::Usage("the API key must be one line of visible ASCII characters".to_owned());
    let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose().trim())).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_a_url_without_secrets() {
        for url in ["http://127.0.0.1:3000", "https://example.com/gateway/", " http://[::1]:80 "] {
            assert!(parsed(url).is_ok(), "{url}");
        }
        for url in ["", "localhost:3000", "ftp://x", "http://u:p@x", "http://x?a=b", "http://x#y"] {
            assert!(matches!(parsed(url), Err(Failure::Usage(_))), "{url}");
        }
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused_without_repeating_it() {
        let error = header(&"secret\nkey".into()).unwrap_err();
        assert!(!error.to_string().contains("secret"));
        assert!(!format!("{:?}", header(&"secret".into()).unwrap()).contains("secret"));
    }
}
