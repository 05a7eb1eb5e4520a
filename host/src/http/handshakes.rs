//! How many TLS handshakes a listener computes at a time, and whose is next.
//!
//! A handshake costs the server a signature, with a large key some milliseconds, and costs a client hardly anything. So handshakes
//! have threads of their own, two or half of the cores, of which a client has half, and clients take turns: whoever begins many
//! handshakes waits for them alone. Between two steps of a handshake, while the client has the word, it has no turn.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::available_parallelism;

use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::client_address::ClientAddress;

/// Whose handshake it is; `None` if it is a trusted proxy's.
type Client = Option<ClientAddress>;

/// What computes the handshakes of a listener.
#[derive(Debug)]
pub(super) struct Handshakes {
    /// Its threads, until this is dropped.
    runtime: Option<Runtime>,
    turns: Arc<Turns>,
}

impl Handshakes {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system gives none.
    pub(super) fn start() -> io::Result<Self> {
        // With one thread, each handshake would wait for another client's signature.
        let threads = (available_parallelism().map_or(1, usize::from) / 2).max(2);
        let runtime = Builder::new_multi_thread().worker_threads(threads).thread_name("tls").build()?;
        Ok(Self { runtime: Some(runtime), turns: Arc::new(Turns::new(threads)) })
    }

    /// Computes a handshake in the client's turns. The handshake ends when the returned future is dropped. Returns `None` if it
    /// panicked.
    pub(super) async fn compute<F>(&self, client: Client, handshake: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let turns = Arc::clone(&self.turns);
        // Ends its task when it is dropped.
        let mut task = JoinSet::new();
        task.spawn_on(async move { turns.compute(client, handshake).await }, self.runtime.as_ref()?.handle());
        task.join_next().await?.ok()
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Who may compute, and who waits for that.
#[derive(Debug)]
struct Turns {
    /// Turns at a time.
    most: usize,
    /// Turns of one client at a time. Proxies have no such bound, since each stands for many.
    most_of_client: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Turns that somebody has.
    taken: usize,
    /// The clients that have turns or wait for one.
    clients: HashMap<Client, OfClient>,
    /// The clients that wait, whose turn is next at the front.
    order: VecDeque<Client>,
}

#[derive(Debug, Default)]
struct OfClient {
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The right to compute, until this is dropped.
#[derive(Debug)]
struct Turn {
    turns: Arc<Turns>,
    client: Client,
}

impl Turns {
    fn new(most: usize) -> Self {
        Self { most, most_of_client: (most / 2).max(1), queue: Mutex::default() }
    }

    /// Waits for a turn; `None` never comes while this is there.
    async fn turn(self: &Arc<Self>, client: Client) -> Option<Turn> {
        let (sender, receiver) = oneshot::channel();
        self.queue.lock().wait(client, sender);
        self.hand_out();
        receiver.await.ok()
    }

    /// Gives turns that are free to those whose turn it is.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let next = self.queue.lock().next(self.most, self.most_of_client);
            let Some((client, waiting)) = next else { return };
            // A turn that nobody waits for any more is free again once it is dropped, and that is here.
            drop(waiting.send(Turn { turns: Arc::clone(self), client }));
        }
    }

    /// Polls `work` in turns until it is ready.
    async fn compute<F: Future>(self: Arc<Self>, client: Client, work: F) -> F::Output {
        let mut work = pin!(work);
        loop {
            let turn = self.turn(client).await;
            let polled = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
            drop(turn);
            if let Poll::Ready(output) = polled {
                return output;
            }
            // What wakes the work wakes this task, also before it waits here.
            let mut is_woken = false;
            poll_fn(|_| if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        }
    }
}

impl Queue {
    fn wait(&mut self, client: Client, sender: oneshot::Sender<Turn>) {
        let own = self.clients.entry(client).or_default();
        if own.waiting.is_empty() {
            self.order.push_back(client);
        }
        own.waiting.push_back(sender);
    }

    /// Takes a turn for the client whose turn it is. Forgets those that wait no more.
    fn next(&mut self, most: usize, most_of_client: usize) -> Option<(Client, oneshot::Sender<Turn>)> {
        if self.taken >= most {
            return None;
        }
        for _ in 0..self.order.len() {
            let client = self.order.pop_front()?;
            let Some(own) = self.clients.get_mut(&client) else { continue };
            own.waiting.retain(|waiting| !waiting.is_closed());
            let may_take = client.is_none() || own.taken < most_of_client;
            let next = if may_take { own.waiting.pop_front() } else { None };
            own.taken += usize::from(next.is_some());
            let (is_waiting, is_idle) = (!own.waiting.is_empty(), own.taken == 0);
            if is_waiting {
                self.order.push_back(client);
            } else if is_idle {
                self.clients.remove(&client);
            }
            if let Some(next) = next {
                self.taken += 1;
                return Some((client, next));
            }
        }
        None
    }

    fn give_back(&mut self, client: Client) {
        self.taken -= 1;
        if let Some(own) = self.clients.get_mut(&client) {
            own.taken -= 1;
            if own.taken == 0 && own.waiting.is_empty() {
                self.clients.remove(&client);
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.queue.lock().give_back(self.client);
        self.turns.hand_out();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::{Client, Turn, Turns};
    use crate::http::client_address::ClientAddress;

    fn client(number: u8) -> Client {
        Some(ClientAddress::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, number))))
    }

    /// Begins to wait for a turn.
    fn wait(turns: &Arc<Turns>, client: Client) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        turns.queue.lock().wait(client, sender);
        turns.hand_out();
        receiver
    }

    /// Returns the turns that were given by now.
    fn given(waiting: &mut [oneshot::Receiver<Turn>]) -> Vec<Turn> {
        waiting.iter_mut().filter_map(|turn| turn.try_recv().ok()).collect()
    }

    #[test]
    fn whoever_begins_many_handshakes_waits_for_them_alone() {
        for threads in [1, 2, 4, 7] {
            let turns = Arc::new(Turns::new(threads));
            let mut flood: Vec<_> = (0..500).map(|_| wait(&turns, client(1))).collect();
            let mut running = given(&mut flood);
            assert_eq!(running.len(), (threads / 2).max(1), "of {threads}");
            let mut neighbours: Vec<_> = (2..9).map(|number| wait(&turns, client(number))).collect();
            let mut served = 0;
            // Each neighbour waits for one turn of the flood at most.
            for _ in 0..=neighbours.len() {
                drop(running.pop());
                running.extend(given(&mut flood));
                served += given(&mut neighbours).len();
            }
            assert_eq!(served, neighbours.len(), "of {threads}");
        }
    }

    #[test]
    fn turns_are_bounded_in_sum_and_for_each_client_and_proxies_have_all() {
        let turns = Arc::new(Turns::new(4));
        let mut waiting: Vec<_> = [1, 1, 1, 2, 3, 3].into_iter().map(|number| wait(&turns, client(number))).collect();
        let first: Vec<_> = waiting.iter_mut().map(|turn| turn.try_recv().ok()).collect();
        assert_eq!(first.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, true, true, false]);
        drop((first, waiting));
        let mut of_proxy: Vec<_> = (0..5).map(|_| wait(&turns, None)).collect();
        assert_eq!(given(&mut of_proxy).len(), 4);
    }

    #[test]
    fn a_client_that_has_gone_costs_no_turn_and_no_memory() {
        let turns = Arc::new(Turns::new(1));
        let first = wait(&turns, client(1)).try_recv().unwrap();
        let gone: Vec<_> = (0..200).map(|number| wait(&turns, client(number))).collect();
        let mut last = wait(&turns, client(201));
        drop(gone);
        drop(first);
        let turn = last.try_recv().unwrap();
        drop(turn);
        // This one goes when it has its turn already.
        drop(wait(&turns, client(2)));
        let queue = turns.queue.lock();
        assert!(queue.taken == 0 && queue.clients.is_empty() && queue.order.is_empty(), "{queue:?}");
    }

    #[test]
    fn work_that_waits_has_no_turn() {
        let turns = Arc::new(Turns::new(1));
        let (sender, receiver) = oneshot::channel::<()>();
        let mut slow = Box::pin(Arc::clone(&turns).compute(client(1), receiver));
        assert!(slow.as_mut().now_or_never().is_none());
        assert_eq!(Arc::clone(&turns).compute(client(2), async { 7 }).now_or_never(), Some(7));
        sender.send(()).unwrap();
        assert_eq!(slow.now_or_never(), Some(Ok(())));
    }
}
