import Glibc
import HTTPServer
import Reactor

/// `ExampleHello [port]`: an HTTP server of 127.0.0.1 with a parked answer, until SIGINT or
/// SIGTERM.
///
/// ```sh
/// curl http://127.0.0.1:8080/next &                    # waits
/// curl -d 'Dinner is ready.' http://127.0.0.1:8080/tell
/// ```
@main
enum HelloServer {
    static func main() throws {
        guard let port = UInt16(CommandLine.arguments.dropFirst().first ?? "8080") else {
            print("usage: ExampleHello [port]")
            exit(64)
        }
        EventLoop.blockSignals([SIGINT, SIGTERM])
        let loop = try EventLoop()
        loop.submit { loop in
            do {
                let server = HTTPServer(router: routes(), context: Board())
                try loop.onSignals([SIGINT, SIGTERM]) { _ in
                    loop.spawn {
                        await server.drain(timeout: .seconds(5), on: loop)
                        loop.stop()
                    }
                }
                let listener = try server.listen(on: .loopback(port: port), loop)
                print("Listening on \(listener.localAddress)")
                fflush(nil)
            } catch {
                print("Cannot listen: \(error)")
                exit(1)
            }
        }
        loop.run()
    }
}
