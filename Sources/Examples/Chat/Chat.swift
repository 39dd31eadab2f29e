import Glibc
import Reactor

/// `ExampleChat [port]`: a chat room of 127.0.0.1 for `nc`, until SIGINT or SIGTERM.
@main
enum ChatServer {
    static func main() throws {
        guard let port = UInt16(CommandLine.arguments.dropFirst().first ?? "7070") else {
            print("usage: ExampleChat [port]")
            exit(64)
        }
        EventLoop.blockSignals([SIGINT, SIGTERM])
        let loop = try EventLoop()
        loop.submit { loop in
            do {
                try loop.onSignals([SIGINT, SIGTERM]) { _ in loop.stop() }
                let listener = try openRoom(on: .loopback(port: port), loop)
                print("Chatting on \(listener.localAddress)")
                fflush(nil)
            } catch {
                print("Cannot listen: \(error)")
                exit(1)
            }
        }
        loop.run()
    }
}

/// Listens on `address` for members of a new room.
func openRoom(
    on address: SocketAddress, _ loop: isolated EventLoop
) throws(SystemError) -> Listener {
    let room = Room()
    var options = ListenerOptions()
    // What one member may have queued; whoever reads more slowly is let go.
    options.channel.highWaterMark = 64 << 10
    options.channel.lowWaterMark = 16 << 10
    return try loop.listen(on: address, options: options) { Member($0, in: room) }
}
