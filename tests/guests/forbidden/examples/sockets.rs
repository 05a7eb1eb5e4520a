//! Uses the network: `{"attempt": {"connect": 80}}`, `{"listen": 8080}` or `{"send": 53}` with a port of this machine, or
//! `{"find": "localhost"}`. The network is linked, and every call is refused.

use bulkhead_guest_forbidden::{Attempt, describe, validator};
use serde_json::Value;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::OutgoingDatagram;
use wasip2::sockets::udp_create_socket::create_udp_socket;

struct Sockets;

impl Attempt for Sockets {
    fn attempt(attempt: &Value) -> String {
        let port = |way: &str| attempt.get(way).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        if let Some(port) = port("connect") {
            describe(connect(port))
        } else if let Some(port) = port("listen") {
            describe(listen(port))
        } else if let Some(port) = port("send") {
            describe(send(port))
        } else if let Some(name) = attempt.get("find").and_then(Value::as_str) {
            describe(resolve_addresses(&instance_network(), name))
        } else {
            String::from("nothing to try")
        }
    }
}

fn connect(port: u16) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(&instance_network(), here(port))?;
    poll(|| socket.finish_connect().map(drop))
}

fn listen(port: u16) -> Result<(), ErrorCode> {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), here(port))?;
    poll(|| socket.finish_bind())?;
    socket.start_listen()?;
    poll(|| socket.finish_listen())
}

fn send(port: u16) -> Result<u64, ErrorCode> {
    let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(&instance_network(), here(0))?;
    poll(|| socket.finish_bind())?;
    let (_, outgoing) = socket.stream(None)?;
    outgoing.check_send()?;
    outgoing.send(&[OutgoingDatagram { data: b"hello".to_vec(), remote_address: Some(here(port)) }])
}

/// Polls until the operation is finished, because waiting for it traps.
fn poll(finish: impl Fn() -> Result<(), ErrorCode>) -> Result<(), ErrorCode> {
    (0..10_000).map(|_| finish()).find(|result| *result != Err(ErrorCode::WouldBlock)).unwrap_or_else(finish)
}

fn here(port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address: (127, 0, 0, 1) })
}

validator!(Sockets);
