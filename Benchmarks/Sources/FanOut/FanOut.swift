// Parks many HTTP requests and answers all of them at once, wave after wave: what a synchrotron does when an
// event arrives in a large room. Prints the server thread's CPU time per response.
//
//     swift run -c release --package-path Benchmarks FanOut [clients] [waves] [bytes] [backend …]

import Bytes
import Glibc
import HTTPServer
import Reactor
import Synchronization

/// The parked requests; the context of the one route.
final class Parked {
    var exchanges: [HTTPExchange] = []
}

/// One client: asks, counts the answer's bytes, asks again when it is told to.
final class Client: ChannelHandler {
    private static let request = Array("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    private var channel: Channel?
    private var expected = 0
    private var received = 0
    private let answered: () -> Void

    init(answered: @escaping () -> Void) { self.answered = answered }

    func connect(to address: SocketAddress, on loop: isolated EventLoop) async throws(SystemError) {
        channel = try await loop.connect(to: address, timeout: .seconds(30)) { _ in self }
    }

    func ask(on loop: isolated EventLoop) { channel?.write(Client.request, on: loop) }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        if expected == 0 { expected = Client.length(of: bytes) }
        received += bytes.byteCount
        guard received >= expected else { return }
        received = 0
        answered()
    }

    /// Every answer has the same length, which the first one tells.
    private static func length(of bytes: RawSpan) -> Int {
        let text = bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        guard let end = text.range(of: "\r\n\r\n"), let field = text.range(of: "Content-Length: ")
        else {
            return .max
        }
        let digits = text[field.upperBound...].prefix { $0.isNumber }
        return text.utf8.distance(from: text.startIndex, to: end.upperBound) + (Int(digits) ?? 0)
    }
}

extension String {
    fileprivate func range(of part: String) -> Range<Index>? { firstRange(of: part) }
}

struct Settings: Sendable {
    var clients = 1000
    var waves = 30
    var bytes = 1024
    var backends: [EventLoop.Backend] = [.epoll, .ioUring].filter(\.isAvailable)

    init(_ arguments: [String]) {
        if arguments.count > 1, let value = Int(arguments[1]) { clients = value }
        if arguments.count > 2, let value = Int(arguments[2]) { waves = value }
        if arguments.count > 3, let value = Int(arguments[3]) { bytes = value }
        let named = arguments.dropFirst(4).compactMap { EventLoop.Backend(rawValue: $0) }
        if !named.isEmpty { backends = named }
    }
}
