import Glibc
import Reactor

/// Sends back what it receives.
final class Echo: ChannelHandler {
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        channel.write(bytes, on: loop)
        // A peer that sends without reading fills our queue: it may not go on until it has read.
        if !channel.isWritable { channel.pauseReading(on: loop) }
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        if channel.isWritable { channel.resumeReading(on: loop) }
    }
}

/// `ExampleEcho [port] [epoll|io_uring]`: a TCP echo server of 127.0.0.1, until SIGINT or SIGTERM.
@main
enum EchoServer {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let port = UInt16(arguments.first ?? "7007"),
            let backend = EventLoop.Backend(rawValue: arguments.dropFirst().first ?? "auto")
        else {
            print("usage: ExampleEcho [port] [epoll|io_uring]")
            exit(64)
        }
        EventLoop.blockSignals([SIGINT, SIGTERM])
        let loop = try EventLoop(backend: backend)
        loop.submit { loop in
            do {
                try loop.onSignals([SIGINT, SIGTERM]) { _ in loop.stop() }
                let listener = try loop.listen(on: .loopback(port: port)) { _ in Echo() }
                print("Echoing on \(listener.localAddress) with \(loop.backendDescription)")
                fflush(nil)
            } catch {
                print("Cannot listen: \(error)")
                exit(1)
            }
        }
        loop.run()
    }
}
