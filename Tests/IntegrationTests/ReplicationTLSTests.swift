import Bytes
import Foundation
import ProcessControl
import Reactor
import Testing

@Suite("Replication over TLS between real processes", .serialized)
struct ReplicationTLSTests {
    /// A fleet whose replication speaks TLS, with a certificate for 127.0.0.1 alone, and wants a secret.
    private func makeFleet() throws -> TestFleet {
        let fleet = try TestFleet.synchrotrons(1)
        let folder = fleet.folder
        try makeCertificate("main", for: "IP:127.0.0.1", in: folder)
        try makeCertificate("stranger", for: "IP:127.0.0.1", in: folder)
        try "open sesame\n".write(
            toFile: "\(folder)/secret", atomically: true, encoding: .utf8)
        try edit(fleet.homeserver) { text in
            text.replacing(
                "type: replication\n", with: "type: replication\n    tls: true\n")
                    + """

                    tls_certificate_path: \(folder)/main.cert
                    tls_private_key_path: \(folder)/main.key
                    worker_replication_secret_path: \(folder)/secret

                    """
        }
        try edit(fleet.workerPath("synchrotron1")) { text in
            text + """

                worker_replication_tls: true
                worker_replication_ca_path: \(folder)/main.cert

                """
        }
        return fleet
    }

    @Test("rows travel through it, and the tool sees, records and replays them")
    func works() throws {
        let fleet = try makeFleet()
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let main = "127.0.0.1:\(fleet.replicationPort)"
        let folder = fleet.folder
        let trust = ["--tls", "--ca-path", "\(folder)/main.cert"]
        let secret = ["--secret-path", "\(folder)/secret"]
        let tail = try Running(["tail", main] + trust + secret)
        let record = try Running(
            ["record", main, "--output", "\(folder)/session"] + trust,
            environment: ["BEAMLINE_REPLICATION_SECRET": "open sesame"])
        for command in [tail, record] { try command.says("connected to") }
        let (mainPort, workerPort) = (fleet.mainPort, fleet.workers[0].port)
        try onLoop { loop in
            try await ReplicationPortTests.deliverOne(
                main: mainPort, synchrotron: workerPort, on: loop)
        }
        try tail.says("type=m.room.message")
        while !((try? String(contentsOfFile: "\(folder)/session", encoding: .utf8)) ?? "")
            .contains("m.room.message")
        { sched_yield() }
        for command in [tail, record] {
            command.child.signal(SIGINT)
            #expect(try command.ends() == 0)
        }
        let session = try String(contentsOfFile: "\(folder)/session", encoding: .utf8)
        #expect(!session.contains(" > ERROR"), "\(session)")
        let lag = try Running(
            ["lag", main, "--interval", "200ms", "--count", "3"] + trust + secret)
        #expect(try lag.ends() == 0, "\(lag.error)")
        #expect(lag.output.contains("answers in "), "\(lag.output)")
        try replays("\(folder)/session", in: folder)
    }

    /// A recording is played over TLS to one that has the secret.
    private func replays(_ file: String, in folder: String) throws {
        let replay = try Running([
            "replay", file, "--listen", "127.0.0.1:0", "--speed", "max", "--secret-path",
            "\(folder)/secret", "--certificate-path", "\(folder)/main.cert", "--key-path",
            "\(folder)/main.key",
        ])
        try replay.says("Listening on 127.0.0.1:")
        let port = try #require(
            replay.output.firstMatch(of: /Listening on 127\.0\.0\.1:(\d+)/)?.output.1)
        let access = ["--tls", "--ca-path", "\(folder)/main.cert"]
        let refused = try Running(["tail", "127.0.0.1:\(port)"] + access)
        #expect(try refused.ends() == 1)
        #expect(refused.error.contains("wants to hear a secret first"), "\(refused.error)")
        let tail = try Running(
            ["tail", "127.0.0.1:\(port)", "--stream", "events", "--count", "3"] + access
                + ["--secret-path", "\(folder)/secret"])
        #expect(try tail.ends() == 0, "\(tail.error)")
        #expect(tail.output.split(separator: "\n").count == 3)
        #expect(try replay.ends() == 0, "\(replay.error)")
    }

    @Test("who lacks the right name, authority, secret or TLS is told so")
    func refusals() throws {
        let fleet = try makeFleet()
        #expect(try fleet.synctl(["start", fleet.homeserver]).code == 0)
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver]) }
        let port = fleet.replicationPort
        let folder = fleet.folder
        let trust = ["--tls", "--ca-path", "\(folder)/main.cert"]
        let secret = ["--secret-path", "\(folder)/secret"]
        try "other\n".write(toFile: "\(folder)/other", atomically: true, encoding: .utf8)
        try "\n".write(toFile: "\(folder)/empty", atomically: true, encoding: .utf8)
        let main = "127.0.0.1:\(port)"
        let cases: [([String], String)] = [
            (["localhost:\(port)"] + trust + secret, "hostname mismatch"),
            ([main, "--tls", "--ca-path", "\(folder)/stranger.cert"] + secret, "certificate"),
            ([main, "--tls"] + secret, "certificate"),
            ([main, "--tls", "--ca-path", "\(folder)/none"] + secret, "\(folder)/none"),
            ([main] + trust, "wants to hear a secret first"),
            ([main, "--secret-path", "\(folder)/other"] + trust, "has another secret"),
            (
                [main, "--secret-path", "\(folder)/empty"] + trust,
                "\(folder)/empty holds no secret"
            ),
            ([main, "--secret-path", "\(folder)/none"] + trust, "\(folder)/none cannot be read"),
            ([main] + secret, "cannot be followed"),
        ]
        for (arguments, text) in cases {
            let outcome = try Program.run(
                Program.built("beamline"), ["replication", "tail"] + arguments)
            #expect(outcome.code == 1, "\(arguments): \(outcome.output)")
            #expect(outcome.output.contains(text), "\(arguments): \(outcome.output)")
        }
    }

    @Test("a worker that cannot get in says in its log why", arguments: Mistake.all)
    func worker(mistake: Mistake) throws {
        let fleet = try makeFleet()
        #expect(try fleet.synctl(["start", fleet.homeserver]).code == 0)
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver]) }
        let path = fleet.workerPath("synchrotron1")
        let folder = fleet.folder
        try edit(path) { text in
            text.replacing(mistake.line, with: mistake.replacement(folder)).replacing(
                "worker_daemonize: True", with: "worker_daemonize: False")
        }
        let worker = try ChildProcess(
            Command(Program.built("beamline"), ["-c", fleet.homeserver, "-c", path]))
        defer {
            worker.signal(SIGTERM)
            _ = worker.wait()
        }
        let limit = Date(timeIntervalSinceNow: 60)
        while !fleet.log(of: "synchrotron1").contains(mistake.complaint), Date() < limit {
            sched_yield()
        }
        let log = fleet.log(of: "synchrotron1")
        #expect(log.contains(mistake.complaint), "\(log)")
        #expect(!log.contains("sesame"))
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: String
        let replacement: @Sendable (_ folder: String) -> String
        let complaint: String

        static let all = [
            Mistake(
                testDescription: "wrong name", line: "worker_replication_host: 127.0.0.1",
                replacement: { _ in "worker_replication_host: localhost" },
                complaint: "hostname mismatch"),
            Mistake(
                testDescription: "wrong authority", line: "main.cert",
                replacement: { _ in "stranger.cert" }, complaint: "certificate"),
            Mistake(
                testDescription: "wrong secret", line: "worker_replication_tls: true",
                replacement: { folder in
                    "worker_replication_tls: true\n"
                        + "worker_replication_secret_path: \(folder)/signing.key"
                },
                complaint: "the worker_replication_secret is not the main process's"),
        ]
    }

    private func edit(_ path: String, _ body: (String) -> String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try body(text).write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func makeCertificate(_ name: String, for subject: String, in folder: String) throws {
        let outcome = try Program.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).cert",
                "-days", "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(subject)",
            ])
        #expect(outcome.code == 0, "\(outcome.output)")
    }
}
