// Fails unless a server's thread allocates nothing for an echo or an HTTP request once everything has been used before.
// To be built for release: a debug build keeps on the heap what an optimised one has no need of. `make allocation-check`.

import Glibc
import HTTPServer
import Reactor
import Synchronization

/// What a client does between two marks.
struct Exercise: Sendable {
    let name: String
    /// Has the server note what it has allocated.
    let mark: @Sendable (PlainClient) -> Void
    let round: @Sendable ([PlainClient]) -> Void
}

func http(_ name: String, _ path: String, pipelined: Int) -> Exercise {
    let request = "GET \(path) HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n\r\n"
    let requests = String(repeating: request, count: pipelined)
    return Exercise(name: name) {
        $0.exchange("GET /mark HTTP/1.1\r\nHost: a\r\n\r\n", answers: 1)
    } round: { clients in
        // So many that every receive buffer is full once, where a request is cut in two.
        for _ in 0..<2000 / pipelined {
            for client in clients { client.exchange(requests, answers: pipelined) }
        }
    }
}

let echo = Exercise(name: "echo") {
    $0.echo([UInt8(ascii: "!")])
} round: { clients in
    for _ in 0..<1000 { for client in clients { client.echo([UInt8](repeating: 120, count: 64)) } }
}
let exercises = [
    echo, http("HTTP", "/", pipelined: 1), http("HTTP, pipelined", "/", pipelined: 16),
    http("HTTP, shared bodies", "/shared", pipelined: 1),
    http("HTTP, named parts", "/named/some", pipelined: 1),
]

/// The allocations of the last of several rounds: the first ones are for the pools to fill.
func allocations(of exercise: Exercise, on backend: EventLoop.Backend) throws -> Int64 {
    let loop = try EventLoop(backend: backend)
    let last = Mutex<Int64>(-1)
    loop.submit { loop in
        let marks = Marks()
        let address = SocketAddress.loopback()
        var listener: Listener?
        if exercise.name == "echo" {
            listener = try? loop.listen(on: address) { _ in Echo(marks) }
        } else {
            var router = Router<Site>()
            Site.addRoutes(&router)
            listener = try? HTTPServer(router: router, context: Site(marks)).listen(
                on: address, loop)
        }
        guard let port = listener?.localAddress.port else { return loop.stop() }
        await loop.offload {
            let clients = (0..<8).map { _ in PlainClient(port) }
            // No connection may end before the last mark.
            withExtendedLifetime(clients) {
                for _ in 0..<3 {
                    exercise.mark(clients[0])
                    exercise.round(clients)
                }
                exercise.mark(clients[0])
            }
        }
        let counts = marks.counts
        precondition(counts.count == 4 && counts[0] > 0, "the marks do not count: \(counts)")
        last.withLock { $0 = counts[3] - counts[2] }
        loop.stop()
    }
    loop.run()
    return last.withLock { $0 }
}

var failed = false
for backend in [EventLoop.Backend.epoll, .ioUring] where backend.isAvailable {
    for exercise in exercises {
        let count = try allocations(of: exercise, on: backend)
        print("\(exercise.name) on \(backend.rawValue): \(count) allocations")
        if count != 0 { failed = true }
    }
}
exit(failed ? 1 : 0)
