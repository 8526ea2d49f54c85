//! The socket or the address, and the token.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use forge::config::{AdminPlace, Listen};
use sha2::{Digest as _, Sha256};

use crate::{
    key,
    listen::{self, Listener},
    page::Page,
};

/// The socket, in the folder of what runs.
const SOCKET: &str = "admin.sock";
/// The token of an address, which stays the same over the lives of servers.
const TOKEN: &str = "admin.token";
/// The address of the server that runs, with its token.
const URL: &str = "admin.url";

/// An open place to watch the server at.
#[derive(Debug)]
pub(crate) struct AdminListener {
    pub(super) listener: Listener,
    /// The page of those who watch here.
    pub(super) page: Page,
    /// Whoever has the token gets in; a socket asks for none.
    token: Option<String>,
    /// Removed with the listener.
    url: Option<UrlFile>,
}

impl AdminListener {
    /// Opens `place`; `run` is the folder of what runs.
    pub(crate) async fn open(place: AdminPlace, run: Option<&Path>) -> io::Result<Option<Self>> {
        if let Some(run) = run {
            private_folder(run)?;
        }
        match place {
            AdminPlace::Off => Ok(None),
            AdminPlace::Unix => {
                let folder =
                    run.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no folder for it"))?;
                let opened = listen::open(&Listen::Unix(folder.join(SOCKET))).await?;
                let listener = opened.into_iter().next();
                Ok(listener.map(|listener| Self { listener, page: Page::default(), token: None, url: None }))
            }
            AdminPlace::Tcp(address) => {
                let token = match run {
                    Some(run) => kept_token(&run.join(TOKEN))?,
                    None => key::secret()?,
                };
                let opened = listen::open(&Listen::Tcp(address)).await?;
                let Some(listener) = opened.into_iter().next() else { return Ok(None) };
                let mut admin = Self { listener, page: Page::default(), token: Some(token), url: None };
                if let Some(run) = run {
                    admin.url = Some(UrlFile::write(run.join(URL), &admin.url())?);
                }
                Ok(Some(admin))
            }
        }
    }

    /// What somebody needs who is to watch: `unix:PATH`, or the address with its token.
    pub(crate) fn url(&self) -> String {
        match (self.listener.place(), &self.token) {
            (Listen::Tcp(address), Some(token)) => format!("http://{address}/?token={token}"),
            (place, _) => place.to_string(),
        }
    }

    pub(crate) fn place(&self) -> Listen {
        self.listener.place()
    }

    /// Whether somebody who brings this token is let in.
    pub(super) fn admits(&self, presented: Option<&str>) -> bool {
        let Some(token) = &self.token else { return true };
        // Digests: how long a comparison takes says nothing of the token.
        presented.is_some_and(|presented| Sha256::digest(presented) == Sha256::digest(token))
    }
}

/// A file with the address of the server that runs.
#[derive(Debug)]
struct UrlFile(PathBuf);

impl UrlFile {
    fn write(path: PathBuf, url: &str) -> io::Result<Self> {
        // The file of a server that was killed is replaced.
        let _ = fs::remove_file(&path);
        private_file(&path)?.write_all(format!("{url}\n").as_bytes())?;
        Ok(Self(path))
    }
}

impl Drop for UrlFile {
    fn drop(&mut self) {
        // One that stays is replaced by the next server.
        let _ = fs::remove_file(&self.0);
    }
}

/// The token in the file, which is made if it is not there.
fn kept_token(path: &Path) -> io::Result<String> {
    match private_file(path) {
        Ok(mut file) => {
            let token = key::secret()?;
            file.write_all(token.as_bytes())?;
            Ok(token)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let token = fs::read_to_string(path)?.trim().to_owned();
            // Whoever knows that there is none would be let in.
            let empty = || {
                io::Error::new(io::ErrorKind::InvalidData, format!("{} is empty; remove it", path.display()))
            };
            if token.is_empty() { Err(empty()) } else { Ok(token) }
        }
        Err(error) => Err(error),
    }
}

/// A new file that this user alone may read.
fn private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
