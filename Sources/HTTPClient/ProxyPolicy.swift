internal import Bytes
internal import Glibc

/// Through which proxy a client's requests go.
///
/// The addresses of a proxy are its operator's choice: the client's ``AddressPolicy`` is not asked
/// about them. Behind a proxy only numeric hosts can be checked, since it is the proxy that resolves
/// names.
public struct ProxyPolicy: Sendable, Hashable {
    /// The proxy for `http`; requests name their whole URL. `http://user:password@host:port`, or
    /// `https://…` to speak TLS with the proxy itself.
    public var http: String?
    /// The proxy for `https`; it is asked for a tunnel (CONNECT).
    public var https: String?
    /// Hosts that are reached directly: names (and all names below them), addresses, ranges of
    /// addresses such as `10.0.0.0/8`, each with `:port` if it is for that port alone, or `*`.
    public var exceptions: [String]

    /// Proxies for the two schemes, and what does without.
    public init(http: String? = nil, https: String? = nil, exceptions: [String] = []) {
        self.http = http
        self.https = https
        self.exceptions = exceptions
    }

    /// No proxy, whatever the environment says.
    public static let none = ProxyPolicy()

    /// What `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` in the environment say, in small
    /// letters or (apart from `HTTP_PROXY`, which CGI gives to anybody) in capitals.
    public static func environment() -> ProxyPolicy {
        func value(_ names: String...) -> String? {
            for name in names {
                if let text = getenv(name), text.pointee != 0 { return String(cString: text) }
            }
            return nil
        }
        let any = value("all_proxy", "ALL_PROXY")
        let exceptions = value("no_proxy", "NO_PROXY")?.split { $0 == "," || $0 == " " } ?? []
        return ProxyPolicy(
            http: value("http_proxy") ?? any, https: value("https_proxy", "HTTPS_PROXY") ?? any,
            exceptions: exceptions.map(String.init))
    }

    /// The proxy for a URL; `nil`: none.
    func proxy(scheme: String, host: String, port: Int) -> String? {
        guard let proxy = scheme == "https" ? https : http, !proxy.isEmpty else { return nil }
        return exceptions.contains { Self.matches($0, host, port) } ? nil : proxy
    }

    static func matches(_ exception: String, _ host: String, _ port: Int) -> Bool {
        if exception == "*" { return true }
        var pattern = Substring(exception.lowercased())
        let host = host.lowercased()
        // A port may follow a name, an IPv4 address or brackets; two colons are an IPv6 address.
        if pattern.first == "[", let end = pattern.lastIndex(of: "]") {
            let rest = pattern[pattern.index(after: end)...]
            if rest.first == ":", rest.dropFirst() != "\(port)" { return false }
            pattern = pattern[pattern.index(after: pattern.startIndex)..<end]
        } else if let colon = pattern.firstIndex(of: ":"), pattern.lastIndex(of: ":") == colon {
            guard pattern[pattern.index(after: colon)...] == "\(port)" else { return false }
            pattern = pattern[..<colon]
        }
        if let address = IPAddress(host) {
            guard let range = try? AddressRange(parsing: String(pattern)) else { return false }
            return range.contains(address)
        }
        let name = pattern.hasPrefix(".") ? pattern.dropFirst() : pattern
        guard !name.isEmpty else { return false }
        let bare = host.hasSuffix(".") ? String(host.dropLast()) : host
        return bare == name || bare.hasSuffix(".\(name)")
    }
}
