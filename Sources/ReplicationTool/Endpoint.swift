/// A host with a port as an operator writes it: `localhost:9092`, `127.0.0.1:9092`, `[::1]:9092`.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// Why a text is no endpoint.
    public struct Mistake: Error, Hashable, CustomStringConvertible {
        /// What is wrong, in a sentence.
        public let description: String
    }

    /// A name or a numeric address, without brackets.
    public let host: String
    /// The port.
    public let port: UInt16

    /// A host with a port.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`.
    public init(parsing text: String) throws(Mistake) {
        guard let colon = text.lastIndex(of: ":") else {
            throw Mistake(description: "'\(text)' has no port; write HOST:PORT.")
        }
        let digits = text[text.index(after: colon)...]
        guard let port = UInt16(digits), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else {
            throw Mistake(
                description: "'\(digits)' in '\(text)' is no port; a port is a number to 65535.")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw Mistake(
                description: "An IPv6 address stands in brackets, as in [\(host)]:\(digits).")
        }
        guard !host.isEmpty else {
            throw Mistake(description: "'\(text)' has no host; write HOST:PORT.")
        }
        self.init(host: String(host), port: port)
    }

    /// As it is written.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
