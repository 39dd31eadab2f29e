import Bytes
import Reactor
import TLS
import TestSupport

/// TLS meets every way to split a record.
let grounds = Ground.all(rough: 6)

/// A server's and a client's context that trust each other.
struct Pair {
    let server: TLSServerContext
    let client: TLSClientContext
    let folder = Folder()
    let authority = Authority()

    init(
        _ names: String = "DNS:localhost,IP:127.0.0.1",
        server serverOptions: TLSServerOptions = TLSServerOptions(),
        client clientOptions: TLSClientOptions = TLSClientOptions()
    ) throws {
        let issued = authority.issue(names)
        server = try TLSServerContext(
            certificates: [issued.certificate], options: serverOptions)
        var options = clientOptions
        if options.trust == .system {
            options.trust = .authorities(folder.write("authority.pem", authority.pem))
        }
        client = try TLSClientContext(options: options)
    }

    var listening: ListenerOptions { ListenerOptions(security: server) }
}

/// The error that connecting ends with.
func connectError(
    _ address: SocketAddress, _ security: any ChannelSecurity, on loop: isolated EventLoop
) async -> SystemError? {
    do throws(SystemError) {
        let channel = try await loop.connect(
            to: address, timeout: .seconds(10), security: security
        ) { _ in Recorder() }
        channel.abort(on: loop)
        return nil
    } catch {
        return error
    }
}

extension RawSpan {
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
