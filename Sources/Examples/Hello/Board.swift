import Bytes
import HTTPServer
import HTTPWire
import Reactor

/// One message for everybody who waits: what the routes work with.
final class Board {
    private var waiting: [ObjectIdentifier: (exchange: HTTPExchange, timeout: Timer)] = [:]
    private let fields = PrerenderedFields(["Content-Type": "text/plain; charset=utf-8"])

    /// How many requests wait for the next message.
    var waitingCount: Int { waiting.count }

    /// Keeps the request until there is a message; answers 204 after `patience`.
    func park(_ exchange: HTTPExchange, for patience: Duration, on loop: isolated EventLoop) {
        let id = ObjectIdentifier(exchange)
        let timeout = loop.schedule(after: patience) {
            self.waiting.removeValue(forKey: id)?.exchange.respond(
                HTTPResponse(.noContent), on: loop)
        }
        waiting[id] = (exchange, timeout)
        exchange.onDisconnect {
            if let gone = self.waiting.removeValue(forKey: id) { loop.cancel(gone.timeout) }
        }
    }

    /// Answers everybody who waits with the same bytes, and returns how many that were.
    func tell(_ message: [UInt8], on loop: isolated EventLoop) -> Int {
        let shared = SharedBytes(message)
        let told = waiting
        waiting.removeAll(keepingCapacity: true)
        for (exchange, timeout) in told.values {
            loop.cancel(timeout)
            exchange.respond(fields: fields, contentLength: shared.count, on: loop) { writer in
                writer.write(shared, on: loop)
            }
        }
        return told.count
    }
}

/// The routes of the server.
func routes() -> Router<Board> {
    var router = Router<Board>()
    router.onImmediate(.get, "/") { _, _, _ in .text("Hello, world!\n") }
    router.onImmediate(.get, "/hello/{name}") { request, _, _ in
        .text("Hello, \(request.parameters.text("name"))!\n")
    }
    router.on(.get, "/next") { exchange, board, loop in
        board.park(exchange, for: .seconds(30), on: loop)
    }
    router.onImmediate(.post, "/tell") { request, board, loop in
        .text("\(board.tell(request.body, on: loop)) told\n")
    }
    router.onAsync(.get, "/slow") { _, _, loop in
        await loop.sleep(for: .milliseconds(100))
        return .text("Sorry to have kept you.\n")
    }
    return router
}
