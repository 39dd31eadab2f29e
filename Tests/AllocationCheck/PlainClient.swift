import Glibc

/// A client that blocks. What goes wrong ends the program.
final class PlainClient {
    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 65536)

    init(_ port: UInt16) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(result == 0, "the server does not listen")
    }

    deinit { close(descriptor) }

    /// Sends `bytes` and reads as many back.
    func echo(_ bytes: [UInt8]) {
        precondition(
            send(descriptor, bytes, bytes.count, 0) == bytes.count, "the server does not read")
        var left = bytes.count
        while left > 0 {
            let count = recv(descriptor, &buffer, left, 0)
            precondition(count > 0, "the server hangs up")
            left -= count
        }
    }

    /// Sends `requests` and reads until so many heads and their bodies have come.
    func exchange(_ requests: String, answers: Int) {
        var text = requests
        let sent = text.withUTF8 { send(descriptor, $0.baseAddress, $0.count, 0) }
        precondition(sent == requests.utf8.count, "the server does not read")
        var received: [UInt8] = []
        var (seen, next) = (0, 0)
        while seen < answers || received.count < next {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            precondition(count > 0, "the server hangs up")
            received += buffer[..<count]
            while seen < answers, received.count >= next,
                let end = PlainClient.endOfAnswer(received[next...])
            {
                seen += 1
                next = end
            }
        }
        precondition(received.count == next, "more than was asked for")
    }

    /// Where the answer ends that begins the bytes, if its head is complete.
    private static func endOfAnswer(_ bytes: ArraySlice<UInt8>) -> Int? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n"),
            let field = text.firstRange(of: "Content-Length: "),
            let length = Int(text[field.upperBound...].prefix { $0.isNumber })
        else { return nil }
        return bytes.startIndex + text.utf8.distance(from: text.startIndex, to: end.upperBound)
            + length
    }
}
