//! Loads the keys that tokens are checked with, and refuses those that are too weak or of the wrong kind.

use crate::config::{ConfigFault, KeyAlgorithm, TokenKey};
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};
use std::path::Path;

/// Smallest secret for HS256 (RFC 7518 §3.2).
const SECRET_BYTES_MIN: usize = 32;
/// Smallest RSA modulus (RFC 7518 §3.3).
const RSA_BITS_MIN: usize = 2048;
/// An Ed25519 public key (RFC 8032 §5.1.5).
const ED25519_BYTES: usize = 32;
/// No key is larger; a mistaken path should not fill the memory.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A key that is ready for use.
pub(super) struct LoadedKey {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The file is far too large for a key.
    #[error("has more than {FILE_BYTES_MAX} bytes, so it is no key")]
    TooLarge,
    /// It holds something else.
    #[error("does not hold {0}")]
    WrongKind(&'static str),
    /// It holds a private key, which a server that only checks tokens should not have.
    #[error("holds a private key; the public one belongs here")]
    Private,
    /// It could be broken.
    #[error("is too weak: {0}")]
    Weak(String),
}

/// Loads all of `keys`.
pub(super) fn load(keys: &[TokenKey]) -> Result<Vec<LoadedKey>, Vec<ConfigFault>> {
    let mut loaded = Vec::with_capacity(keys.len());
    let mut faults = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        match load_one(key) {
            Ok(key) => loaded.push(key),
            Err(fault) => faults.push(ConfigFault {
                path: format!("auth.keys[{index}]"),
                origin: None,
                detail: format!("the file {} of key {:?} {fault}", key.file.display(), key.id),
            }),
        }
    }
    if faults.is_empty() { Ok(loaded) } else { Err(faults) }
}

fn load_one(key: &TokenKey) -> Result<LoadedKey, KeyFault> {
    let bytes = read(&key.file)?;
    let (algorithm, decoding) = match key.algorithm {
        KeyAlgorithm::EdDsa => (Algorithm::EdDSA, ed25519(&bytes)?),
        KeyAlgorithm::Rs256 => (Algorithm::RS256, rsa(&bytes)?),
        KeyAlgorithm::Hs256 => (Algorithm::HS256, DecodingKey::from_secret(secret(&bytes)?)),
    };
    Ok(LoadedKey { id: key.id.clone(), algorithm, key: decoding })
}

fn read(path: &Path) -> Result<Vec<u8>, KeyFault> {
    let length = std::fs::metadata(path).map_err(KeyFault::Unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(KeyFault::TooLarge);
    }
    std::fs::read(path).map_err(KeyFault::Unreadable)
}

fn ed25519(pem: &[u8]) -> Result<DecodingKey, KeyFault> {
    let what = "an Ed25519 public key in PEM";
    refuse_private(pem)?;
    let key = DecodingKey::from_ed_pem(pem).map_err(|_| KeyFault::WrongKind(what))?;
    // The library slices the key where it is used, so its length must be right from here on.
    let lawful = key.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == ED25519_BYTES);
    if lawful { Ok(key) } else { Err(KeyFault::WrongKind(what)) }
}

fn rsa(pem: &[u8]) -> Result<DecodingKey, KeyFault> {
    let what = "an RSA public key in PEM";
    refuse_private(pem)?;
    let key = DecodingKey::from_rsa_pem(pem).map_err(|_| KeyFault::WrongKind(what))?;
    let der = key.try_get_as_bytes().map_err(|_| KeyFault::WrongKind(what))?;
    let (modulus, _) = (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der).map_err(|_| KeyFault::WrongKind(what))?;
    let bits = modulus.len() * 8;
    if bits < RSA_BITS_MIN {
        return Err(KeyFault::Weak(format!("{bits} bits are fewer than {RSA_BITS_MIN}")));
    }
    Ok(key)
}

/// The secret in a file, without one line break at its end. A PEM file is refused: a public key as a shared secret would
/// let everybody sign.
pub(crate) fn secret(bytes: &[u8]) -> Result<&[u8], KeyFault> {
    let cut = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let cut = cut.strip_suffix(b"\r").unwrap_or(cut);
    if is_pem(cut) {
        return Err(KeyFault::WrongKind("a shared secret but a PEM file"));
    }
    if cut.len() < SECRET_BYTES_MIN {
        return Err(KeyFault::Weak(format!("{} bytes are fewer than {SECRET_BYTES_MIN}", cut.len())));
    }
    Ok(cut)
}

fn refuse_private(pem: &[u8]) -> Result<(), KeyFault> {
    let marker = b"PRIVATE KEY-----";
    if pem.windows(marker.len()).any(|window| window == marker) { Err(KeyFault::Private) } else { Ok(()) }
}

fn is_pem(bytes: &[u8]) -> bool {
    let marker = b"-----BEGIN ";
    bytes.windows(marker.len()).any(|window| window == marker)
}
