import Bytes
import HTTPServer
import HTTPWire
import Reactor
import Synchronization
import TestSupport
import Testing

/// The shared list, for files that need nothing else of what tests share.
let backends = TestSupport.backends

/// What handlers of these tests get: it lives on the loop and remembers.
final class Services {
    var parked: [HTTPExchange] = []
    var uploads: [Uploading] = []
    var bodies: [RequestBody] = []
    var sum = 0
    var notes: [String] = []
    /// Runs whenever something was noted or parked.
    var changed: (() -> Void)?

    func note(_ text: String) {
        notes.append(text)
        changed?()
    }

    func park(_ exchange: HTTPExchange) {
        parked.append(exchange)
        changed?()
    }

    /// Parks the task until the condition holds.
    func wait(on loop: isolated EventLoop, until condition: @escaping (Services) -> Bool) async {
        if condition(self) { return }
        await withUnsafeContinuation(isolation: loop) { continuation in
            changed = {
                guard condition(self) else { return }
                self.changed = nil
                continuation.resume()
            }
        }
    }
}

/// Starts a server on a loop that the calling thread drives, and runs `body` beside it.
func withServer(
    _ backend: EventLoop.Backend, options: HTTPServerOptions = HTTPServerOptions(),
    listening: ListenerOptions = ListenerOptions(),
    routes: @Sendable @escaping (inout Router<Services>) -> Void = { _ in },
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body:
        @escaping @Sendable (
            HTTPServer<Services>, Services, SocketAddress, isolated EventLoop
        ) async throws -> Void
) throws {
    try withServer(
        on: EventLoop(backend: backend), options: options, listening: listening, routes: routes,
        sourceLocation: sourceLocation, body)
}

/// As above, on any loop. Nothing waits for the clock; `lasting` only ends a test that would hang.
func withServer(
    on loop: EventLoop, lasting: Duration = .seconds(60),
    options: HTTPServerOptions = HTTPServerOptions(),
    listening: ListenerOptions = ListenerOptions(),
    routes: @Sendable @escaping (inout Router<Services>) -> Void = { _ in },
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body:
        @escaping @Sendable (
            HTTPServer<Services>, Services, SocketAddress, isolated EventLoop
        ) async throws -> Void
) throws {
    let outcome = Mutex<Result<Void, any Error>?>(nil)
    loop.submit { loop in
        loop.schedule(after: lasting) { loop.stop() }
        do {
            var router = Router<Services>()
            addStandardRoutes(&router)
            routes(&router)
            let services = Services()
            // What is parked holds its connection, which holds the server, which holds the services.
            defer { services.parked = [] }
            let server = HTTPServer(router: router, context: services, options: options)
            let listener = try server.listen(on: .loopback(), options: listening, loop)
            try await body(server, services, listener.localAddress, loop)
            outcome.withLock { $0 = .success(()) }
        } catch {
            outcome.withLock { $0 = .failure(error) }
        }
        loop.stop()
    }
    loop.run()
    try #require(outcome.withLock { $0 }, "the test hung", sourceLocation: sourceLocation).get()
}

private func addStandardRoutes(_ router: inout Router<Services>) {
    router.onImmediate(.get, "/hello/{name}") { request, services, loop in
        .text("hello \(request.parameters.text("name"))")
    }
    router.onImmediate(.post, "/echo") { request, services, loop in
        HTTPResponse(headers: ["Content-Type": "a/b"], body: .bytes(request.body))
    }
    router.onImmediate(.post, "/small", bodyBytesMax: 10) { request, services, loop in
        .text("\(request.body.count)")
    }
    router.on(.get, "/park") { exchange, services, loop in services.park(exchange) }
    router.on(.post, "/park") { exchange, services, loop in services.park(exchange) }
    router.on(.get, "/drop") { exchange, services, loop in }
}

struct ClientResponse {
    var status = 0
    var headers: [String: String] = [:]
    var body: [UInt8] = []

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A client that says exactly what a test wants and reads answers one at a time.
final class Client: ChannelHandler {
    private(set) var channel: Channel?
    var input: [UInt8] = []
    var hasEnded = false
    /// Whether it closes when the server has.
    var hangsUp = true
    private var waiter:
        (condition: (Client) -> Bool, continuation: UnsafeContinuation<Void, Never>)?

    static func connect(
        to address: SocketAddress, on loop: isolated EventLoop
    ) async throws -> Client {
        let client = Client()
        client.channel = try await loop.connect(to: address, timeout: .seconds(20)) { _ in client }
        return client
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        input += bytes.array
        check()
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        hasEnded = true
        if hangsUp { channel.close(on: loop) }
        check()
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        hasEnded = true
        check()
    }

    func wait(on loop: isolated EventLoop, until condition: @escaping (Client) -> Bool) async {
        if condition(self) { return }
        await withUnsafeContinuation(isolation: loop) { waiter = (condition, $0) }
    }

    private func check() {
        guard let waiter, waiter.condition(self) else { return }
        self.waiter = nil
        waiter.continuation.resume()
    }

    func send(_ text: String, on loop: isolated EventLoop) {
        channel?.write(Array(text.utf8), on: loop)
    }

    func send(_ bytes: [UInt8], on loop: isolated EventLoop) { channel?.write(bytes, on: loop) }

    /// Reads the next answer. `head`: the answer to HEAD, which has no body.
    func response(head: Bool = false, on loop: isolated EventLoop) async throws -> ClientResponse {
        var parsed: (ClientResponse, Int)?
        await wait(on: loop) { client in
            parsed = parse(client.input, ended: client.hasEnded, head: head)
            return parsed != nil || client.hasEnded
        }
        let (response, length) = try #require(parsed, "no answer but \(input.count) bytes")
        input.removeFirst(length)
        return response
    }

    func exchange(_ text: String, on loop: isolated EventLoop) async throws -> ClientResponse {
        send(text, on: loop)
        return try await response(on: loop)
    }

    /// Waits for the server to close.
    func end(on loop: isolated EventLoop) async { await wait(on: loop) { $0.hasEnded } }
}

/// Takes one response apart, or returns `nil` if it is not complete.
func parse(_ bytes: [UInt8], ended: Bool, head: Bool) -> (ClientResponse, Int)? {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.lowerBound else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    var response = ClientResponse()
    response.status = Int(lines[0].split(separator: " ")[1]) ?? 0
    for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        response.headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
    }
    var offset = end + 4
    if head || response.status < 200 || [204, 304].contains(response.status) {
        return (response, offset)
    }
    if let length = response.headers["content-length"].flatMap({ Int($0) }) {
        guard bytes.count >= offset + length else { return nil }
        response.body = Array(bytes[offset..<(offset + length)])
        return (response, offset + length)
    }
    guard response.headers["transfer-encoding"] == "chunked" else {
        guard ended else { return nil }
        response.body = Array(bytes[offset...])
        return (response, bytes.count)
    }
    while let lineEnd = bytes[offset...].firstRange(of: [13, 10])?.lowerBound {
        let text = String(decoding: bytes[offset..<lineEnd], as: UTF8.self)
        let size = Int(text, radix: 16) ?? 0
        let start = lineEnd + 2
        guard bytes.count >= start + size + 2 else { return nil }
        response.body += bytes[start..<(start + size)]
        offset = start + size + 2
        if size == 0 { return (response, offset) }
    }
    return nil
}

extension Collection where Element == UInt8 {
    func firstRange(of needle: [UInt8]) -> Range<Index>? {
        var start = startIndex
        while start != endIndex {
            if self[start...].starts(with: needle) {
                return start..<index(start, offsetBy: needle.count)
            }
            formIndex(after: &start)
        }
        return nil
    }
}
