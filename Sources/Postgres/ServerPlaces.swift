internal import CPostgres
internal import Reactor

/// Where a server may be: its name, which libpq checks certificates and looks up passwords by, and where
/// that is. A list of these is what libpq calls a list of hosts, and it tries them in their order.
struct ServerPlace: Hashable {
    /// A name, an address, a folder, or nothing for libpq's default socket.
    var host: String
    /// The name's address, found by the loop's resolver; `nil` where there is nothing to be found.
    var address: String?
    var port: String

    /// Whether libpq would look the host up, and block meanwhile.
    var isName: Bool {
        guard let first = host.first, first != "/", first != "@" else { return false }
        return SocketAddress(host: host, port: 0) == nil
    }
}

extension PostgresConfiguration {
    /// The places as they are configured, names not yet looked up; `nil` if libpq is told its addresses
    /// by the configuration or the environment, or knows them from a service file.
    func places() -> [ServerPlace]? {
        guard libpqOptions["hostaddr"] == nil, libpqOptions["service"] == nil else { return nil }
        var hosts = libpqOptions["host"] ?? host
        if hosts.isEmpty {
            let defaults = PostgresConfiguration.defaults(["host", "hostaddr"])
            guard defaults["hostaddr"] == nil else { return nil }
            hosts = defaults["host"] ?? ""
        }
        let names = hosts.split(separator: ",", omittingEmptySubsequences: false)
        let ports = (libpqOptions["port"] ?? String(port)).split(
            separator: ",", omittingEmptySubsequences: false)
        // libpq has its own words for lists that do not match.
        guard ports.count == 1 || ports.count == names.count else { return nil }
        return names.enumerated().map { index, name in
            ServerPlace(
                host: name.trimmingBlanks, port: String(ports[ports.count == 1 ? 0 : index]))
        }
    }

    /// What libpq takes from the environment and from where that leads.
    private static func defaults(_ keywords: Set<String>) -> [String: String] {
        guard let list = PQconndefaults() else { return [:] }
        defer { PQconninfoFree(list) }
        var found: [String: String] = [:]
        var option = list
        while let keyword = option.pointee.keyword {
            let name = String(cString: keyword)
            if keywords.contains(name), let value = option.pointee.val {
                let text = String(cString: value)
                if !text.isEmpty { found[name] = text }
            }
            option += 1
        }
        return found
    }

    /// The places with all addresses of their names, in order. A name that cannot be looked up is left
    /// out; if nothing is left, throws why.
    func resolvedPlaces(on loop: isolated EventLoop) async throws(PostgresError) -> [ServerPlace]? {
        guard let places = places(), places.contains(where: \.isName) else { return nil }
        var resolved: [ServerPlace] = []
        var failure: ResolutionError?
        for place in places {
            guard place.isName else {
                resolved.append(place)
                continue
            }
            do throws(ResolutionError) {
                let found = try await loop.resolve(
                    host: place.host, port: 0, timeout: connectTimeout)
                resolved += found.compactMap(\.numericHost).map { address in
                    ServerPlace(host: place.host, address: address, port: place.port)
                }
            } catch {
                failure = error
            }
        }
        if resolved.isEmpty, let failure {
            throw PostgresError(.connectFailed, "the host cannot be looked up: \(failure)")
        }
        return resolved
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        var text = drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}

extension SocketAddress {
    /// The address without the port.
    fileprivate var numericHost: String? {
        let text = description
        switch self {
        case .ipv4: return text.split(separator: ":").first.map(String.init)
        case .ipv6:
            guard text.first == "[", let end = text.lastIndex(of: "]") else { return nil }
            return String(text[text.index(after: text.startIndex)..<end])
        default: return nil
        }
    }
}
