import Reactor

/// Writes back what arrives.
final class Echo: ChannelHandler {
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        channel.write(bytes, on: loop)
    }
}

func listenForEcho(on address: SocketAddress, _ loop: isolated EventLoop) {
    _ = orExit { () throws(SystemError) in
        try loop.listen(on: address, options: ListenerOptions(backlog: 4096)) { _ in Echo() }
    }
}
