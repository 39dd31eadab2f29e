import Bytes
import Configuration
import HTTPServer
import HTTPWire
import JSON
import Matrix
import Postgres
import PostgresCluster
import Reactor
import Services
import Storage
import Synchronization
import Testing

@testable import API

/// Runs `body` with a client of a server that has the client-server API, on a new database.
func withAPI<Result: Sendable>(
    configure: @escaping @Sendable (inout HomeserverSettings) -> Void = { _ in },
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (Client, isolated EventLoop) async throws -> Result
) throws -> Result {
    let (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
    let loop = try EventLoop()
    let box = Box<Swift.Result<Result, any Error>>()
    loop.submit { loop in
        let pool = PostgresPool(
            PostgresConfiguration(
                host: cluster.socketFolder, port: cluster.port, user: PostgresCluster.superuser,
                database: database, poolMax: 5), on: loop)
        do {
            let server = try await server(pool, configure, on: loop)
            let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
            let listener = try server.listen(on: address, loop)
            let client = Client(address: listener.localAddress)
            box.set(.success(try await body(client, loop)))
            await client.close(on: loop)
            await server.drain(timeout: .seconds(5), on: loop)
        } catch {
            box.set(.failure(error))
        }
        await pool.close(on: loop)
        loop.stop()
    }
    loop.run()
    return try #require(box.value, sourceLocation: sourceLocation).get()
}

private func server(
    _ pool: PostgresPool, _ configure: (inout HomeserverSettings) -> Void,
    on loop: isolated EventLoop
) async throws -> HTTPServer<ClientContext> {
    var settings = HomeserverSettings(serverName: "test", signingKey: .generate())
    settings.bcryptRounds = 4
    settings.isRegistrationEnabled = true
    settings.limits = .unlimited
    configure(&settings)
    try await pool.start(on: loop)
    try await Schema.migrate(pool, on: loop)
    let services = try await MainServices(settings: settings, pool: pool, on: loop)
    var router = Router<ClientContext>()
    ClientRoutes.register(into: &router)
    var options = HTTPServerOptions()
    options.cors = .matrix
    // More than is parsed, so that the endpoints see bodies that are too large.
    options.bodyBytesMax = 4 << 20
    let server = HTTPServer(
        router: router, context: ClientContext(services: services), options: options)
    server.errorRenderer = ClientErrors.render
    return server
}

/// Holds a value that one thread sets and another reads afterwards.
final class Box<Value: Sendable>: Sendable {
    private let storage = Mutex<Value?>(nil)
    var value: Value? { storage.withLock { $0 } }
    func set(_ value: Value) { storage.withLock { $0 = value } }
}

/// An answer, its body parsed.
struct Answer {
    let status: Int
    let head: String
    let body: JSON

    var code: String? { body["errcode"]?.stringValue }
}

/// A client with one connection.
final class Client: ChannelHandler {
    let address: SocketAddress
    private var channel: Channel?
    private var input: [UInt8] = []
    private var waiting: UnsafeContinuation<Void, Never>?
    private var isClosed = false
    /// How many events it has sent, for their transaction ids.
    var serial = 0

    init(address: SocketAddress) {
        self.address = address
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        input += bytes.array
        resume()
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        isClosed = true
        resume()
    }

    private func resume() {
        let waiting = waiting
        self.waiting = nil
        waiting?.resume()
    }

    func close(on loop: isolated EventLoop) async {
        guard let channel, !isClosed else { return }
        channel.close(on: loop)
        while !isClosed { await withUnsafeContinuation(isolation: loop) { waiting = $0 } }
    }

    /// Sends a request and waits for its answer.
    func request(
        _ method: String, _ path: String, token: String? = nil, _ body: JSON? = nil,
        on loop: isolated EventLoop
    ) async throws -> Answer {
        try await request(
            method, path, token: token, bytes: body.map(\.bytes), on: loop)
    }

    /// Sends a request with any body and waits for its answer.
    func request(
        _ method: String, _ path: String, token: String?, bytes: [UInt8]?,
        on loop: isolated EventLoop
    ) async throws -> Answer {
        if channel == nil || isClosed {
            isClosed = false
            channel = try await loop.connect(to: address, timeout: .seconds(5)) { _ in self }
        }
        var head = "\(method) \(path) HTTP/1.1\r\nHost: test\r\n"
        if let token { head += "Authorization: Bearer \(token)\r\n" }
        if let bytes { head += "Content-Length: \(bytes.count)\r\n" }
        channel?.write(Array((head + "\r\n").utf8) + (bytes ?? []), on: loop)
        while true {
            if let answer = try takeAnswer() {
                if answer.head.contains("Connection: close") { await close(on: loop) }
                return answer
            }
            try #require(!isClosed)
            await withUnsafeContinuation(isolation: loop) { waiting = $0 }
        }
    }

    private func takeAnswer() throws -> Answer? {
        let text = String(decoding: input, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let head = String(text[..<end.lowerBound])
        let headCount = head.utf8.count + 4
        let lines = head.split(separator: "\r\n")
        let lengthLine = lines.first { $0.lowercased().hasPrefix("content-length:") }
        let length = lengthLine.flatMap { Int($0.dropFirst(15).drop(while: { $0 == " " })) } ?? 0
        guard input.count >= headCount + length else { return nil }
        let body = Array(input[headCount..<headCount + length])
        input.removeFirst(headCount + length)
        return Answer(
            status: Int(head.split(separator: " ")[1]) ?? 0, head: head,
            body: body.isEmpty ? .null : try JSON(parsing: body))
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<String.Index>? {
        firstRange(of: text)
    }
}

extension Client {
    /// Makes an account. Returns its token.
    func register(_ name: String, on loop: isolated EventLoop) async throws -> String {
        let answer = try await request(
            "POST", "/_matrix/client/v3/register",
            [
                "username": .string(name), "password": "secret",
                "auth": ["type": "m.login.dummy"],
            ], on: loop)
        return try #require(answer.body["access_token"]?.stringValue)
    }

    /// Makes a room. Returns its id, ready for a path.
    func createRoom(
        token: String, _ body: JSON = [:], on loop: isolated EventLoop
    ) async throws -> String {
        let answer = try await request(
            "POST", "/_matrix/client/v3/createRoom", token: token, body, on: loop)
        return try #require(answer.body["room_id"]?.stringValue)
    }
}
