import Bytes
import Glibc
import HTTPServer
import Reactor
import Synchronization

func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
}

/// One measurement: seconds of the server thread's CPU for each wave.
func measure(_ settings: Settings, _ backend: EventLoop.Backend) throws -> [Double] {
    let server = try EventLoop(backend: backend)
    let client = try EventLoop(backend: backend)
    let samples = Mutex<[Double]>([])
    startThread { client.run() }
    server.submit { loop in
        let parked = Parked()
        var router = Router<Parked>()
        router.on(.get, "/wait") { exchange, parked, loop in parked.exchanges.append(exchange) }
        let http = HTTPServer(router: router, context: parked)
        guard let listener = try? http.listen(on: .loopback(), loop) else { return loop.stop() }
        let address = listener.localAddress
        client.submit { loop in await connectAll(settings.clients, to: address, on: loop) }
        let body = SharedBytes([UInt8](repeating: UInt8(ascii: "x"), count: settings.bytes))
        let fields = PrerenderedFields(["Content-Type": "application/json"])
        for wave in 0..<settings.waves + 3 {
            while parked.exchanges.count < settings.clients {
                await loop.sleep(for: .milliseconds(1))
            }
            let start = threadSeconds()
            let all = parked.exchanges
            parked.exchanges.removeAll(keepingCapacity: true)
            for exchange in all {
                exchange.respond(fields: fields, contentLength: body.count, on: loop) {
                    $0.write(body, on: loop)
                }
            }
            // The next turns write what was queued; yielding lets them run before the clock is read.
            await loop.sleep(for: .milliseconds(0))
            let spent = threadSeconds() - start
            if wave >= 3 { samples.withLock { $0.append(spent) } }
        }
        loop.stop()
        client.stop()
    }
    server.run()
    return samples.withLock { $0 }
}

func connectAll(_ count: Int, to address: SocketAddress, on loop: isolated EventLoop) async {
    var clients: [Client] = []
    let open = Open()
    for _ in 0..<count {
        let client = Client { open.answered += 1 }
        guard (try? await client.connect(to: address, on: loop)) != nil else { return }
        clients.append(client)
    }
    while true {
        open.answered = 0
        for client in clients { client.ask(on: loop) }
        while open.answered < count {
            await loop.sleep(for: .milliseconds(1))
            if loop.isStopped { return }
        }
    }
}

final class Open {
    var answered = 0
}

let settings = Settings(CommandLine.arguments)
print("\(settings.waves) waves to \(settings.clients) parked clients, \(settings.bytes) bytes each")
for backend in settings.backends {
    let samples = try measure(settings, backend).sorted()
    let each = samples.map { $0 / Double(settings.clients) * 1e6 }
    func shown(_ value: Double) -> String { String(Double(Int(value * 100)) / 100) }
    print(
        "\(backend.rawValue): median \(shown(each[each.count / 2])) µs of server CPU per response",
        "(min \(shown(each[0])), max \(shown(each[each.count - 1])))")
}
