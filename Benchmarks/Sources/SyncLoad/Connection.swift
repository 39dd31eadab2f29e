import Bytes
import Reactor

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// One keep-alive connection on which one request is under way at a time.
final class Connection: ChannelHandler {
    private let address: SocketAddress
    private(set) var channel: Channel?
    private var reader = ResponseReader()
    /// Told of the answer to the request that is under way.
    private var waiter: ((Result<(status: Int, body: [UInt8]), Failure>) -> Void)?

    init(to address: SocketAddress) { self.address = address }

    /// Sends a request and parks until its answer is there; connects first where that is needed.
    func request(
        _ method: String, _ target: String, token: String? = nil, body: String? = nil,
        on loop: isolated EventLoop
    ) async throws -> (status: Int, body: String) {
        let channel = try await connected(on: loop)
        var text = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
        if let token { text += "Authorization: Bearer \(token)\r\n" }
        if let body {
            text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        }
        channel.write(Array((text + "\r\n" + (body ?? "")).utf8), on: loop)
        let result = await withUnsafeContinuation(isolation: loop) {
            (
                continuation: UnsafeContinuation<
                    Result<(status: Int, body: [UInt8]), Failure>, Never
                >
            )
            in
            waiter = { continuation.resume(returning: $0) }
        }
        let answer = try result.get()
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    private func connected(on loop: isolated EventLoop) async throws -> Channel {
        if let channel, !channel.isClosing { return channel }
        reader = ResponseReader()
        let channel = try await loop.connect(to: address, timeout: .seconds(60)) { _ in self }
        self.channel = channel
        return channel
    }

    func close(on loop: isolated EventLoop) { channel?.abort(on: loop) }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        do {
            try reader.read(bytes) { status, body in
                waiter.take()?(.success((status, body.array)))
            }
        } catch {
            waiter.take()?(.failure(Failure("\(address) sent what is not HTTP")))
            channel.abort(on: loop)
        }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        if self.channel === channel { self.channel = nil }
        waiter.take()?(.failure(Failure("\(address) closed the connection: \(reason)")))
    }
}

extension String {
    /// The string that stands for `key` in JSON text, the first such: enough for answers that we know.
    func value(of key: String) -> String? {
        guard let start = firstRange(of: "\"\(key)\":")?.upperBound else { return nil }
        let rest = self[start...].drop { $0 == " " }
        guard rest.first == "\"" else { return nil }
        return String(rest.dropFirst().prefix { $0 != "\"" })
    }

    /// With everything escaped that means something in a path.
    var escaped: String {
        var result = ""
        for byte in utf8 {
            let character = Character(UnicodeScalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
                result.append(character)
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
