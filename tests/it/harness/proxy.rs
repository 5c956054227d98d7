//! A network between clients and a server: slow, far away, standing still, or cut anywhere.

use std::{
    future::pending,
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use katahost::client::Address;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::chance::Chance;

/// How much is carried at once.
const PIECE_BYTES: usize = 4 * 1024;

/// How many pieces may be on their way in one direction: what the queues of a network hold.
const PIECES: usize = 64;

/// How long the far end of a cut connection stays open at most, as it does where the near end
/// went away without a word.
const GHOST: Duration = Duration::from_millis(300);

/// What a network is like.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// How long a byte is on its way, in each direction.
    pub delay: Duration,
    /// How much it carries in a second, in each direction; without a limit where there is none.
    pub bytes_per_second: Option<u64>,
    /// After how many bytes, both directions together, a connection is cut; never where there is
    /// none. Each connection's own number is drawn.
    pub cut_after: Option<Range<u64>>,
}

/// A proxy of TCP that behaves as such a network. Dropping it cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    network: Mutex<Network>,
    chance: Mutex<Chance>,
    stalled: watch::Sender<bool>,
    /// Counts the times that everything was cut.
    cut: watch::Sender<u64>,
    connections: AtomicU64,
}

impl Proxy {
    /// A network on the way to `server`, with numbers drawn from `chance`.
    pub async fn open(server: SocketAddr, network: Network, chance: Chance) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            network: Mutex::new(network),
            chance: Mutex::new(chance),
            stalled: watch::Sender::new(false),
            cut: watch::Sender::new(0),
            connections: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        let shared = state.clone();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                while open.try_join_next().is_some() {}
                open.spawn(carry(near, server, shared.clone()));
            }
        });
        Self {
            address,
            state,
            _tasks: tasks,
        }
    }

    /// The same place, over this network.
    pub fn way_to(&self, address: &Address) -> Address {
        let (scheme, rest) = address.url.split_once("://").unwrap();
        let (_, path) = rest.split_once('/').unwrap();
        Address {
            url: format!("{scheme}://{}/{path}", self.address),
            ..address.clone()
        }
    }

    /// How many connections were made.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Lets nothing through towards the clients, and says nothing about it; or goes on.
    pub fn stall(&self, stalled: bool) {
        self.state.stalled.send_replace(stalled);
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.state.cut.send_modify(|times| *times += 1);
    }

    /// Lets new connections live as long as they want.
    pub fn mend(&self) {
        self.state.network.lock().unwrap().cut_after = None;
    }
}

impl State {
    /// What a new connection is like: the network, after how many bytes it is cut, and whether
    /// the server learns of that late.
    fn draw(&self) -> (Network, u64, bool) {
        let network = self.network.lock().unwrap().clone();
        let mut chance = self.chance.lock().unwrap();
        let bytes = network.cut_after.clone().map(|range| chance.within(range));
        (network, bytes.unwrap_or(u64::MAX), chance.is_true(4))
    }
}

/// Carries one connection until an end closes it or it is cut.
async fn carry(near: TcpStream, server: SocketAddr, state: Arc<State>) {
    let Ok(far) = TcpStream::connect(server).await else {
        return;
    };
    drop((near.set_nodelay(true), far.set_nodelay(true)));
    state.connections.fetch_add(1, Ordering::Relaxed);
    let (network, bytes, ghost) = state.draw();
    let left = Arc::new(AtomicU64::new(bytes));
    let (mut cut, mut stalled) = (state.cut.subscribe(), state.stalled.subscribe());
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let up = direction(&mut near_read, &mut far_write, &network, &left, None);
    let down = direction(
        &mut far_read,
        &mut near_write,
        &network,
        &left,
        Some(&mut stalled),
    );
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = cut.changed() => {}
    }
    drop((near_read, near_write));
    if ghost && left.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(GHOST).await;
    }
}

/// Carries one direction, piece by piece, until it ends or no more bytes are left to carry.
async fn direction(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    network: &Network,
    left: &AtomicU64,
    mut stalled: Option<&mut watch::Receiver<bool>>,
) {
    let (queue, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let taking = async move {
        let mut free_at = Instant::now();
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            let took = network.bytes_per_second.map_or(0.0, |rate| {
                #[expect(clippy::cast_precision_loss, reason = "a few kilobytes")]
                let seconds = count as f64 / rate as f64;
                seconds
            });
            free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(took);
            let sent = queue.send((free_at + network.delay, piece[..count].to_vec()));
            if sent.await.is_err() {
                return pending().await;
            }
        }
        // What is on its way still arrives.
        drop(queue);
        pending::<()>().await;
    };
    let giving = async {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if let Some(stalled) = &mut stalled {
                drop(stalled.wait_for(|stalled| !stalled).await);
            }
            let rest = left.load(Ordering::Relaxed);
            let count = piece.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
            left.fetch_sub(count as u64, Ordering::Relaxed);
            if to.write_all(&piece[..count]).await.is_err() || count < piece.len() {
                return;
            }
        }
    };
    tokio::select! {
        () = giving => {}
        () = taking => {}
    }
}
