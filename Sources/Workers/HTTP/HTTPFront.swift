internal import API
internal import Bytes
internal import Configuration
internal import Glibc
internal import HTTPServer
internal import HTTPWire
internal import Logging
internal import Observability
internal import Reactor

/// The HTTP listeners of a process, each with the resources that its configuration names.
final class HTTPFront<Context> {
    /// Adds the endpoints of a resource to a router.
    typealias Registrar = (ResourceName, inout Router<Context>) -> Void

    private let environment: ProcessEnvironment
    private let requests: HTTPRequestMetrics
    private var servers: [HTTPServer<Context>] = []

    init(_ environment: ProcessEnvironment, _ requests: HTTPRequestMetrics) {
        self.environment = environment
        self.requests = requests
    }

    /// Binds every HTTP and metrics listener. What is bound stays bound if a later one fails.
    func listen(
        context: Context, on loop: isolated EventLoop, register: Registrar
    ) async throws {
        for listener in environment.configuration.listeners {
            guard listener.kind != .replication else { continue }
            var router = Router<Context>()
            OperationsRoutes.registerHealth(into: &router)
            OperationsRoutes.registerReadiness(environment.readiness, into: &router, on: loop)
            let names: Set<ResourceName> =
                listener.kind == .metrics ? [.metrics] : listener.resourceNames
            for name in names.sorted(by: { $0.rawValue < $1.rawValue }) {
                router.compressesAnswers = listener.compresses(name)
                if name == .metrics {
                    OperationsRoutes.registerMetrics(environment.metrics, into: &router)
                } else {
                    register(name, &router)
                }
            }
            let server = HTTPServer(
                router: router, context: context, options: options(for: listener))
            let log = environment.logger("http")
            server.errorRenderer = { error, request in
                let response = ClientErrors.render(error, request)
                if response.status.code >= 500 {
                    let target = AccessLog.redacted(request?.target ?? "(malformed)")
                    log.error("\(request?.method.name ?? "?") \(target): \(error)")
                }
                return response
            }
            let access = environment.logger("access.http.\(listener.tag)")
            let recorder = HTTPRequestRecorder(requests)
            server.requestFinished = { report in
                recorder.record(report)
                AccessLog.write(report, to: access)
            }
            try await listen(server, listener, loop)
            servers.append(server)
        }
    }

    /// Stops accepting and lets requests that are under way end.
    func drain(on loop: isolated EventLoop) async {
        for server in servers { server.beginDraining(on: loop) }
        for server in servers { await server.drain(timeout: .seconds(10), on: loop) }
    }

    /// Binds every address of a listener. One that this machine does not have, such as `::1` without IPv6, is
    /// passed over if another one is there.
    private func listen(
        _ server: HTTPServer<Context>, _ listener: ListenerConfiguration, _ loop: isolated EventLoop
    ) async throws {
        var missing: [ListenFailure] = []
        for address in listener.addresses {
            do {
                try await listen(server, on: address, listener, loop)
            } catch let failure as ListenFailure where failure.isOfMissingAddress {
                missing.append(failure)
            }
        }
        if missing.count == listener.addresses.count, let failure = missing.first { throw failure }
        for failure in missing { environment.log.warning("\(failure)") }
    }

    private func listen(
        _ server: HTTPServer<Context>, on address: ListenAddress,
        _ listener: ListenerConfiguration, _ loop: isolated EventLoop
    ) async throws {
        var options = ListenerOptions(reusePort: listener.sharesPort)
        if case .unix(_, let mode) = address { options.unixMode = mode }
        if listener.isTLS { options.security = try environment.prepareTLS() }
        let bound = try await bind(address, at: listener, on: loop) { resolved in
            try server.listen(on: resolved, options: options, loop).localAddress
        }
        let spoken = listener.isTLS ? "HTTPS" : "HTTP"
        environment.log.info("Listening for \(spoken) on \(bound)")
    }

    private func options(for listener: ListenerConfiguration) -> HTTPServerOptions {
        let limits = environment.configuration.httpLimits
        var options = HTTPServerOptions()
        options.parser.headerBytesMax = limits.headerBytesMax
        options.parser.headerCountMax = limits.headerCountMax
        options.bodyBytesMax = limits.bodyBytesMax
        options.idleTimeout = limits.idleTimeout
        options.cors = .matrix
        options.isBehindProxy = listener.isBehindProxy
        let compresses = listener.resources.contains(where: \.compress)
        options.compression = compresses ? CompressionPolicy() : nil
        return options
    }
}

extension ListenerConfiguration {
    /// Whether answers of a resource may be compressed.
    fileprivate func compresses(_ name: ResourceName) -> Bool {
        resources.contains { $0.compress && $0.names.contains(name) }
    }
}

/// Why a process could not listen where its configuration says.
struct ListenFailure: Error, CustomStringConvertible {
    var description: String
    var cause: SystemError?

    /// The machine has no such address, or not the whole family.
    var isOfMissingAddress: Bool {
        cause?.code == EADDRNOTAVAIL || cause?.code == EAFNOSUPPORT
    }
}

/// Resolves an address of the configuration and binds it; failures name the place in the file.
func bind(
    _ address: ListenAddress, at listener: ListenerConfiguration, on loop: isolated EventLoop,
    _ body: (SocketAddress) throws -> SocketAddress
) async throws -> SocketAddress {
    let place: SocketAddress?
    switch address {
    case .unix(let path, _): place = .unix(path: path)
    case .tcp(let host, let port):
        // Names are allowed, such as localhost.
        do throws(ResolutionError) {
            place = try await loop.resolve(host: host, port: port).first
        } catch {
            throw ListenFailure(
                description: "\(listener.position): cannot listen on \(address): \(error)")
        }
    }
    guard let place else {
        throw ListenFailure(description: "\(listener.position): \(address) is no address")
    }
    do {
        return try body(place)
    } catch {
        throw ListenFailure(
            description: "\(listener.position): cannot listen on \(address): \(error)",
            cause: error as? SystemError)
    }
}
