import Bytes
import Foundation
import HTTPCases
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

/// What a server made of the bytes of a case, and of the probe behind them.
struct Outcome: Equatable, CustomStringConvertible {
    var statuses: [Int] = []
    var stays = false

    var description: String { "\(statuses) and \(stays ? "stays" : "closes")" }
}

private let probe = Array("GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n".utf8)

/// Sends each case on a connection of its own, several at a time.
private func outcomes(
    of cases: [HTTPCase], at address: SocketAddress, on loop: isolated EventLoop
) async throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for start in stride(from: 0, to: cases.count, by: 32) {
        let batch = cases[start..<min(cases.count, start + 32)]
        var clients: [Client] = []
        for each in batch {
            let client = try await Client.connect(to: address, on: loop)
            client.send(each.bytes + probe, on: loop)
            client.channel?.shutdownOutput(on: loop)
            clients.append(client)
        }
        for (client, each) in zip(clients, batch) {
            await client.end(on: loop)
            outcomes.append(outcome(client.input, isHead: each.isHead))
        }
    }
    return outcomes
}

private func outcome(_ input: [UInt8], isHead: Bool) -> Outcome {
    var outcome = Outcome()
    var rest = input
    while !rest.isEmpty {
        let head = isHead && outcome.statuses.isEmpty
        guard rest.starts(with: Array("HTTP/1.".utf8)),
            let (response, length) = parse(rest, ended: true, head: head)
        else {
            // A body without a head, as HTTP/0.9 has it.
            outcome.statuses.append(9)
            break
        }
        rest.removeFirst(length)
        guard response.status >= 200 else { continue }
        if response.text == "probe" {
            outcome.stays = true
        } else {
            outcome.statuses.append(response.status)
        }
    }
    return outcome
}

/// Those that fit into the buffers of a socket whose reader has hung up already.
private let cases = HTTPCase.all.filter { $0.bytes.count < 50_000 }

@Suite struct WireTableTests {
    @Test func tableIsLongEnough() {
        #expect(cases.count >= 380)
        #expect(HTTPCase.all.count - cases.count <= 1)
        #expect(Set(HTTPCase.all.map(\.name)).count == HTTPCase.all.count)
    }

    @Test(arguments: backends)
    func everyCaseHasItsAnswer(_ backend: EventLoop.Backend) throws {
        try withServer(
            backend,
            routes: { router in
                router.onImmediate(nil, "/{path*}") { request, services, loop in
                    services.notes.append(request.path)
                    return .text(request.path == "/probe" ? "probe" : "case")
                }
            }
        ) { server, services, address, loop in
            let outcomes = try await outcomes(of: cases, at: address, on: loop)
            for (each, outcome) in zip(cases, outcomes) {
                let expected = Outcome(statuses: each.statuses, stays: each.stays)
                #expect(outcome == expected, "\(each.name)")
            }
            // Nothing but what was answered has been seen as a request.
            let served = cases.reduce(0) { sum, each in
                sum + each.statuses.count { $0 == 200 } + (each.stays ? 1 : 0)
            }
            #expect(services.notes.count == served)
            #expect(!services.notes.contains { $0.contains("evil") })
            #expect(server.connectionCount == 0)
        }
    }

    /// nginx reads most requests the same way; where it does not, the table says why.
    @Test(.enabled(if: Nginx.path != nil, "needs nginx: `make test` installs it"))
    func nginxAgreesOrTheTableSaysWhyNot() throws {
        try withServer(backends[0]) { server, services, address, loop in
            let nginx = try Nginx()
            defer { nginx.removeFolder() }
            try await nginx.start(on: loop)
            let outcomes = try await outcomes(of: cases, at: nginx.address, on: loop)
            await nginx.stop(on: loop)
            for (each, outcome) in zip(cases, outcomes) {
                let ours = Outcome(statuses: each.statuses, stays: each.stays)
                guard let listed = NginxDifference.all[each.name] else {
                    #expect(outcome == ours, "\(each.name)")
                    continue
                }
                let theirs = Outcome(statuses: listed.statuses, stays: listed.stays)
                #expect(outcome == theirs, "\(each.name), listed as different")
                #expect(theirs != ours, "\(each.name) is listed, but there is no difference")
                #expect(!listed.reason.isEmpty)
            }
            let names = Set(HTTPCase.all.map(\.name))
            for name in NginxDifference.all.keys {
                #expect(names.contains(name), "\(name) is listed, but there is no such case")
            }
        }
    }
}

/// A private nginx: one process, Unix sockets, everything in a folder of its own. Its front hands
/// requests on to its back, so that it has to read their bodies.
private final class Nginx {
    static let path: String? = {
        let named = ProcessInfo.processInfo.environment["BEAMLINE_TEST_NGINX"]
        let places = [named, "/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"]
        // One that is named has to be there.
        return named
            ?? places.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    private let folder = "/tmp/beamline-nginx-\(UInt32.random(in: 0 ... .max))"
    private var process: Subprocess?

    var address: SocketAddress { .unix(path: "\(folder)/front.sock") }

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try configuration.write(
            toFile: "\(folder)/nginx.conf", atomically: false, encoding: .utf8)
    }

    /// Starts it and waits until it answers. It does not outlive the loop.
    func start(on loop: isolated EventLoop) async throws {
        let command = ProcessCommand(
            try #require(Self.path),
            ["-p", folder, "-c", "\(folder)/nginx.conf", "-e", "\(folder)/error.log"],
            output: .null, error: .null)
        let process = try await loop.spawnProcess(command)
        self.process = process
        while process.status == nil {
            if let client = try? await Client.connect(to: address, on: loop) {
                client.channel?.close(on: loop)
                await client.end(on: loop)
                return
            }
            await loop.sleep(for: .milliseconds(2))
        }
        let log = try? String(contentsOfFile: "\(folder)/error.log", encoding: .utf8)
        Issue.record("nginx did not start: \(log ?? "it says nothing")")
    }

    func stop(on loop: isolated EventLoop) async {
        guard let process else { return }
        process.kill(SIGKILL, on: loop)
        _ = await process.wait(on: loop)
    }

    func removeFolder() { try? FileManager.default.removeItem(atPath: folder) }

    private var configuration: String {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: " ")
        return """
            daemon off;
            master_process off;
            pid \(folder)/pid;
            error_log \(folder)/error.log crit;
            events { worker_connections 1024; }
            http {
              access_log off;
              \(temporary)
              client_max_body_size 1m;
              large_client_header_buffers 4 16k;
              default_type text/plain;
              server {
                listen unix:\(folder)/front.sock;
                location / {
                  proxy_pass http://unix:\(folder)/back.sock;
                  proxy_http_version 1.1;
                  proxy_set_header Connection "";
                  proxy_ignore_client_abort on;
                }
              }
              server {
                listen unix:\(folder)/back.sock;
                location = /probe { return 200 probe; }
                location / { return 200 case; }
              }
            }
            """
    }
}
