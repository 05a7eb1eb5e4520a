//! Secrets that are files: those that options name, and the credentials that systemd gives a service.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::text_file::{file_error, open_file};

/// Bytes of a secret at most.
const MAX_SECRET_BYTES: u64 = 16 << 10;
/// The environment variable with the folder of the credentials that systemd gives a service.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// Reads a secret from a file, without blanks and line breaks at its end.
///
/// # Errors
/// If the file cannot be read, is empty or no ordinary one, has more than 16 KiB, is no text, or has a blank in the secret. The error names the file and shows nothing of it.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let name = path.display();
    let mut bytes = Vec::new();
    open_file(path)?.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes).map_err(|error| file_error(path, &error))?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(format!("{name}: a secret has at most 16 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("{name}: this is not a text in UTF-8"))?;
    let secret = text.trim_end();
    if secret.is_empty() {
        return Err(format!("{name}: the file is empty"));
    }
    if secret.contains(['\n', '\r', '\0']) {
        return Err(format!("{name}: a secret is one line"));
    }
    // Nobody could send it: a header has no such secret.
    if secret.contains(char::is_whitespace) {
        return Err(format!("{name}: a secret has no blanks; write it alone into the file"));
    }
    Ok(secret.to_owned())
}

/// Returns the file of the credential with this name, if systemd gives the process one (`LoadCredential=`).
pub(super) fn credential(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(CREDENTIALS_VARIABLE).map(PathBuf::from).filter(|folder| folder.is_absolute())?;
    Some(folder.join(name)).filter(|file| file.exists())
}
