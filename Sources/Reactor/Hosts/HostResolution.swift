/// A look-up of both families of a host.
final class HostResolution: Dependant {
    private let host: String
    private let finish: (Result<[SocketAddress], ResolutionError>) -> Void
    private var lookUps: [LookUp] = []
    private var resolver: (any Resolver)?
    private var found: [AddressFamily: [SocketAddress]] = [:]
    private var failure: ResolutionError?
    private var deadline: Timer?
    private var registration: UInt64?
    private var isOver = false

    init(_ host: String, finish: @escaping (Result<[SocketAddress], ResolutionError>) -> Void) {
        self.host = host
        self.finish = finish
    }

    func start(port: UInt16, timeout: Duration, on loop: isolated EventLoop) {
        registration = loop.attach(self)
        let resolver = loop.resolver
        self.resolver = resolver
        deadline = loop.schedule(after: timeout) {
            let late = ResolutionError(
                host: self.host, message: "no answer in time", code: .timedOut)
            self.end(late, on: loop)
        }
        for family in [AddressFamily.ipv6, .ipv4] {
            let lookUp = resolver.lookUp(host, port: port, family: family, on: loop) { answer in
                switch answer {
                case .success(let addresses): self.found[family] = addresses
                case .failure(let error):
                    self.found[family] = []
                    self.failure = error
                }
                if self.found.count == 2 { self.end(nil, on: loop) }
            }
            lookUps.append(lookUp)
        }
    }

    func loopStops(_ loop: isolated EventLoop) { end(.cancelled(host), on: loop) }

    /// What is known when the time is up is better than nothing.
    private func end(_ error: ResolutionError?, on loop: isolated EventLoop) {
        guard !isOver else { return }
        isOver = true
        if let deadline { loop.cancel(deadline) }
        for lookUp in lookUps { resolver?.cancel(lookUp, on: loop) }
        if let registration { loop.detach(registration) }
        let addresses = HappyEyeballs.order(found[.ipv6] ?? [], found[.ipv4] ?? [])
        guard addresses.isEmpty else { return finish(.success(addresses)) }
        let none = ResolutionError(host: host, message: "no addresses")
        finish(.failure(error ?? failure ?? none))
    }
}

extension HappyEyeballs {
    /// Families in turn, IPv6 first.
    static func order(_ ipv6: [SocketAddress], _ ipv4: [SocketAddress]) -> [SocketAddress] {
        var ordered: [SocketAddress] = []
        for index in 0..<max(ipv6.count, ipv4.count) {
            if index < ipv6.count { ordered.append(ipv6[index]) }
            if index < ipv4.count { ordered.append(ipv4[index]) }
        }
        return ordered
    }
}
