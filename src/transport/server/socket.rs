//! The sockets of a listener and of its connections, whether they are TCP or unix sockets.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::transport::{Socket, UNIX_PEER};

/// Accepts the connections of a listener on one runtime.
pub(super) enum Acceptor {
    Tcp(tokio::net::TcpListener),
    Unix {
        listener: tokio::net::UnixListener,
        /// The file is there as long as someone accepts from it.
        _file: Arc<UnixSocket>,
    },
}

/// A connection that belongs to no runtime yet.
pub(super) enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A listening unix socket, and its file, which goes with it.
#[derive(Debug)]
pub(super) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: a file that another process has put there since is not ours to remove.
    file: (u64, u64),
}

impl Acceptor {
    /// The next connection, and the address of who is at its other end.
    pub(super) async fn accept(&self) -> io::Result<(Accepted, SocketAddr)> {
        match self {
            Acceptor::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Accepted::Tcp(stream.into_std()?), peer))
            }
            Acceptor::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Accepted::Unix(stream.into_std()?), UNIX_PEER))
            }
        }
    }
}

impl Accepted {
    /// The connection for the current runtime's own use.
    pub(super) fn on_this_runtime(self) -> io::Result<Socket> {
        match self {
            Accepted::Tcp(stream) => {
                let stream = tokio::net::TcpStream::from_std(stream)?;
                // Answers are small and each is written at once: waiting to fill a segment would only delay them.
                let _ = stream.set_nodelay(true);
                Ok(Socket::Left(stream))
            }
            Accepted::Unix(stream) => tokio::net::UnixStream::from_std(stream).map(Socket::Right),
        }
    }
}

impl UnixSocket {
    /// Listens at `path`. The file of a socket that nobody listens on any more is replaced.
    pub(super) async fn bind(path: &Path) -> io::Result<UnixSocket> {
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "there is a file that is no socket"));
            }
            if is_alive(path).await {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        let file = fs::symlink_metadata(path)?;
        Ok(UnixSocket { listener, path: path.to_owned(), file: (file.dev(), file.ino()) })
    }

    /// Where its file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The socket for the current runtime's own use.
    pub(super) fn on_this_runtime(self: &Arc<Self>) -> io::Result<Acceptor> {
        let listener = tokio::net::UnixListener::from_std(self.listener.try_clone()?)?;
        Ok(Acceptor::Unix { listener, _file: Arc::clone(self) })
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.file);
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether somebody listens at `path`. One who is too busy to answer is alive.
async fn is_alive(path: &Path) -> bool {
    let tried = tokio::time::timeout(PATIENCE, tokio::net::UnixStream::connect(path)).await;
    !matches!(tried, Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused)
}

const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn the_file_of_the_dead_is_replaced_and_that_of_the_living_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a process that was killed leaves its file");
        let socket = UnixSocket::bind(&path).await.unwrap();
        let second = UnixSocket::bind(&path).await.unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists(), "the file goes with its socket");
    }

    #[tokio::test]
    async fn files_of_others_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relay.sock");
        fs::write(&path, "precious").unwrap();
        assert_eq!(UnixSocket::bind(&path).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        fs::remove_file(&path).unwrap();
        let socket = UnixSocket::bind(&path).await.unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        drop(socket);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
