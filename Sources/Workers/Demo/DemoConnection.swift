internal import Bytes
internal import JSON
internal import Reactor

/// One keep-alive HTTP connection of the demo, on which one request is under way at a time.
final class DemoConnection: ChannelHandler {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let address: SocketAddress
    private var channel: Channel?
    private var parser = ResponseParser()
    private var waiter: UnsafeContinuation<Result<ResponseParser.Response, Failure>, Never>?
    private var timer: Timer?

    init(to address: SocketAddress) { self.address = address }

    /// Sends a request and parks until its answer is there.
    func request(
        _ method: String, _ target: String, token: String? = nil, body: JSON? = nil,
        timeout: Duration = .seconds(60), on loop: isolated EventLoop
    ) async throws -> ResponseParser.Response {
        let channel = try await connected(on: loop)
        var head = "\(method) \(target) HTTP/1.1\r\nHost: demo\r\n"
        if let token { head += "Authorization: Bearer \(token)\r\n" }
        let bytes = body?.bytes ?? []
        if body != nil || method != "GET" {
            head += "Content-Type: application/json\r\nContent-Length: \(bytes.count)\r\n"
        }
        channel.write(Array((head + "\r\n").utf8) + bytes, on: loop)
        timer = loop.schedule(after: timeout) {
            self.end(.failure(Failure(description: "no answer within \(timeout)")), on: loop)
            self.channel?.abort(on: loop)
        }
        let result = await withUnsafeContinuation(isolation: loop) { waiter = $0 }
        return try result.get()
    }

    /// Sends a request and returns the JSON of its answer, which must have status 200.
    func json(
        _ method: String, _ target: String, token: String? = nil, body: JSON? = nil,
        on loop: isolated EventLoop
    ) async throws -> JSON {
        let response = try await request(method, target, token: token, body: body, on: loop)
        guard response.status == 200 else {
            let text = String(decoding: response.body, as: UTF8.self)
            throw Failure(description: "\(method) \(target): \(response.status) \(text)")
        }
        return try JSON(parsing: response.body)
    }

    func close(on loop: isolated EventLoop) { channel?.abort(on: loop) }

    private func connected(on loop: isolated EventLoop) async throws -> Channel {
        if let channel, !channel.isClosing { return channel }
        parser = ResponseParser()
        let channel = try await loop.connect(to: address, timeout: .seconds(10)) { _ in self }
        self.channel = channel
        return channel
    }

    private func end(
        _ result: Result<ResponseParser.Response, Failure>, on loop: isolated EventLoop
    ) {
        if let timer = timer.take() { loop.cancel(timer) }
        waiter.take()?.resume(returning: result)
    }

    // MARK: The channel

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        parser.append(bytes)
        do {
            guard let response = try parser.next() else { return }
            if response.closes { channel.close(on: loop) }
            end(.success(response), on: loop)
        } catch {
            end(.failure(Failure(description: "the server sent what is not HTTP")), on: loop)
            channel.abort(on: loop)
        }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        if self.channel === channel { self.channel = nil }
        end(.failure(Failure(description: "connection to \(address) closed: \(reason)")), on: loop)
    }
}
