import Bytes
import HTTPClient
import HTTPServer
import HTTPWire
import Reactor
import Synchronization
import TestSupport
import Testing

/// As the shared one. Nothing here waits for the clock; the limit only ends a test that would hang.
func onLoop<Value: Sendable>(
    _ backend: EventLoop.Backend,
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Value
) throws -> Value {
    try TestSupport.onLoop(backend, limit: .seconds(120), body)
}

/// What handlers of these tests' servers remember.
final class Notes {
    var parked: [HTTPExchange] = []
    var requests = 0
    var connections = 0
    var lines: [String] = []
    private var waiter: (condition: (Notes) -> Bool, UnsafeContinuation<Void, Never>)?

    func changed() {
        guard let waiter, waiter.condition(self) else { return }
        self.waiter = nil
        waiter.1.resume()
    }

    func note(_ line: String) {
        lines.append(line)
        changed()
    }

    func park(_ exchange: HTTPExchange) {
        parked.append(exchange)
        changed()
    }

    func wait(on loop: isolated EventLoop, until condition: @escaping (Notes) -> Bool) async {
        if condition(self) { return }
        await withUnsafeContinuation(isolation: loop) { waiter = (condition, $0) }
    }
}

/// A server and a client on one loop.
struct Stage {
    let client: HTTPClient
    let notes: Notes
    let address: SocketAddress

    func url(_ path: String, host: String = "127.0.0.1") -> String {
        "http://\(host):\(address.port ?? 0)\(path)"
    }

    func get(_ path: String, on loop: isolated EventLoop) async throws -> HTTPClientResponse {
        try await client.send(HTTPClientRequest(.get, url(path)), on: loop)
    }
}

/// Starts a server and a client on a loop of their own, and runs `body` beside them. Afterwards the
/// client must have left nothing on the loop.
func withStage(
    _ backend: EventLoop.Backend, options: HTTPClientOptions = HTTPClientOptions(),
    server serverOptions: HTTPServerOptions = HTTPServerOptions(),
    routes: @escaping @Sendable (inout Router<Notes>) -> Void = { _ in },
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (Stage, isolated EventLoop) async throws -> Void
) throws {
    try onLoop(backend) { loop in
        var router = Router<Notes>()
        addStandardRoutes(&router)
        routes(&router)
        let notes = Notes()
        defer { notes.parked = [] }
        var serverOptions = serverOptions
        serverOptions.bodyBytesMax = 64 << 20
        let server = HTTPServer(router: router, context: notes, options: serverOptions)
        let listener = try server.listen(on: .loopback(), loop)
        let client = try HTTPClient(options, on: loop)
        try await body(
            Stage(client: client, notes: notes, address: listener.localAddress), loop)
        client.close(on: loop)
        #expect(client.connectionCount == 0, sourceLocation: sourceLocation)
        #expect(client.runningCount == 0, sourceLocation: sourceLocation)
        #expect(client.waitingCount == 0, sourceLocation: sourceLocation)
    }
}

private func addStandardRoutes(_ router: inout Router<Notes>) {
    router.onImmediate(.get, "/hello/{name}") { request, notes, loop in
        notes.requests += 1
        return .text("hello \(request.parameters.text("name"))")
    }
    for method in [HTTPMethod.post, .put, .patch, .delete] {
        router.onImmediate(method, "/echo") { request, notes, loop in
            notes.note(request.method.name)
            return HTTPResponse(
                headers: ["Content-Type": request.headers["Content-Type"] ?? "none"],
                body: .bytes(request.body))
        }
    }
    router.onImmediate(.get, "/headers") { request, notes, loop in
        let lines = request.headers.map { "\($0.name): \($0.value)" }
        return .text(lines.joined(separator: "\n"))
    }
    router.onImmediate(.get, "/big/{size}") { request, notes, loop in
        let size = Int(request.parameters.text("size")) ?? 0
        return HTTPResponse(body: .bytes(pattern(size)))
    }
    router.on(.get, "/park") { exchange, notes, loop in notes.park(exchange) }
    router.on(.post, "/park") { exchange, notes, loop in notes.park(exchange) }
}

/// A peer that says exactly what a test wants: it hands what it has read so far to a script, which
/// answers.
final class ScriptedPeer: ChannelHandler {
    typealias Script = (ScriptedPeer, Channel) -> Void

    var input: [UInt8] = []
    var hasEnded = false
    var step = 0
    private let script: Script

    init(_ script: @escaping Script) { self.script = script }

    var text: String { String(decoding: input, as: UTF8.self) }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        input += bytes.array
        script(self, channel)
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        hasEnded = true
        script(self, channel)
        channel.close(on: loop)
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        hasEnded = true
        script(self, channel)
    }

    /// Takes out everything up to the end of a head, if it is there.
    func takeHead() -> String? {
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let head = String(text[..<end.lowerBound])
        input.removeFirst(head.utf8.count + 4)
        return head
    }

    /// Takes out a line, if it is there.
    func takeLine() -> String? {
        guard let end = input.firstIndex(of: 0x0a) else { return nil }
        let line = String(decoding: input[..<end], as: UTF8.self)
        input.removeFirst(end + 1)
        return line.hasSuffix("\r") ? String(line.dropLast()) : line
    }
}

extension String {
    func range(of needle: String) -> Range<Index>? {
        let (text, needle) = (Array(utf8), Array(needle.utf8))
        guard text.count >= needle.count else { return nil }
        for start in 0...(text.count - needle.count)
        where text[start..<(start + needle.count)].elementsEqual(needle) {
            let lower = utf8.index(startIndex, offsetBy: start)
            return lower..<utf8.index(lower, offsetBy: needle.count)
        }
        return nil
    }
}

extension EventLoop {
    /// Listens with scripted peers.
    func listen(_ script: @escaping ScriptedPeer.Script) throws(SystemError) -> SocketAddress {
        try listen(on: .loopback()) { _ in ScriptedPeer(script) }.localAddress
    }
}

/// Answers every request with `response`, and remembers the heads that came.
func answering(
    _ response: String, _ heads: Heads = Heads(), on loop: isolated EventLoop
) -> ScriptedPeer.Script {
    { peer, channel in
        while let head = peer.takeHead() {
            heads.list.append(head)
            channel.write(Array(response.utf8), on: loop)
        }
    }
}

/// Runs `body` as a task of its own, which gives the error that it throws.
func failureLater(
    on loop: isolated EventLoop, _ body: @escaping () async throws -> Void
) -> Task<HTTPClientError?, Never> {
    loop.spawn {
        _ = loop.isStopped
        do {
            try await body()
            return nil
        } catch {
            return error as? HTTPClientError
        }
    }
}

final class Heads {
    var count = 0
    var list: [String] = []
}

/// The error that `body` throws.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation,
    isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Void
) async throws -> HTTPClientError {
    do {
        try await body()
    } catch let error as HTTPClientError {
        return error
    }
    return try #require(
        nil as HTTPClientError?, "nothing was thrown", sourceLocation: sourceLocation)
}
