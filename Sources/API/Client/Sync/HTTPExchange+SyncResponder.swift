public import HTTPServer
import HTTPWire
public import Reactor
public import Services

/// A kept exchange is all that a parked client needs.
extension HTTPExchange: SyncResponder {
    private static let fields = PrerenderedFields([
        "Content-Type": "application/json", "Cache-Control": "no-cache, no-store",
    ])

    /// Whether the client has gone.
    public var isGone: Bool { isDisconnected }

    /// Sends head and pieces in one vectored write; shared pieces are not copied.
    public func answer(_ answer: SyncAnswer, on loop: isolated EventLoop) {
        respond(
            fields: Self.fields, contentLength: answer.count, on: loop
        ) { writer in
            for piece in answer.pieces { writer.write(piece, on: loop) }
        }
    }

    /// Sends an error as the server renders it.
    public func fail(_ error: any Error, on loop: isolated EventLoop) {
        respond(throwing: error, on: loop)
    }

    /// Has `body` called if the client goes away unanswered.
    public func whenGone(_ body: @escaping () -> Void) { onDisconnect(body) }
}
