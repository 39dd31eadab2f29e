import Configuration
import Testing

/// Text that is laid over the main sample, and the mistakes that it makes.
private let overlays: [(String, [String])] = [
    (
        "server_name: 'exa mple'",
        [
            "worker.yaml:1: server_name: is the text \"exa mple\", expected a host name, with a port "
                + "if need be, such as example.org"
        ]
    ),
    (
        "report_stats: maybe",
        ["worker.yaml:1: report_stats: is the text \"maybe\", expected true or false"]
    ),
    ("listeners:", ["worker.yaml:1: listeners: is missing, expected a list of listeners"]),
    (
        "listeners: {port: 1}",
        ["worker.yaml:1: listeners: is a mapping, expected a list of listeners"]
    ),
    (
        "listeners:\n- {type: htp, port: 80808}\n- 5\n",
        [
            "worker.yaml:2: listeners[0].type: is the text \"htp\", expected one of http, "
                + "replication, metrics",
            "worker.yaml:2: listeners[0].port: is the number 80808, expected a whole number from "
                + "0 to 65535",
            "worker.yaml:3: listeners[1]: is the number 5, expected a mapping",
        ]
    ),
    (
        "listeners:\n- type: http\n  resources:\n  - names: [clint]\n  bind_addresses: [a b]\n",
        [
            "worker.yaml:2: listeners[0].port: is missing, expected a port, or a path for a Unix "
                + "socket",
            "worker.yaml:4: listeners[0].resources[0].names: is the text \"clint\", expected one of "
                + "client, federation, media, metrics, health, keys, openid (did you mean client?)",
        ]
    ),
    (
        "listeners:\n- {type: http, port: 80, bind_addresses: [a b], resources: []}",
        [
            "worker.yaml:2: listeners[0].bind_addresses: \"a b\" is not an address, expected such as "
                + "127.0.0.1 or ::1"
        ]
    ),
    (
        "listeners:\n- {type: metrics, port: 80}\n- {type: metrics, port: 80}\n",
        [
            "worker.yaml:3: listeners: 0.0.0.0:80 is already used at worker.yaml:2, expected another "
                + "port or address"
        ]
    ),
    (
        "listeners:\n- {type: metrics, port: 80, tls: true}\n",
        [
            "worker.yaml:1: tls_certificate_path: is missing while a listener has tls: true, expected "
                + "a PEM file",
            "worker.yaml:1: tls_private_key_path: is missing while a listener has tls: true, expected "
                + "a PEM file",
        ]
    ),
    (
        "listeners:\n- {type: metrics, port: 80, tls: true}\n"
            + "tls_certificate_path: /none/cert.pem\ntls_private_key_path: [a]\n",
        [
            "worker.yaml:4: tls_private_key_path: is a list, expected a path"
        ]
    ),
    (
        "listeners:\n- {type: metrics, path: /x, tls: true}\n",
        ["worker.yaml:2: listeners[0].tls: is not served on a Unix socket, expected false"]
    ),
    (
        "replication_dialect: modern",
        ["worker.yaml:1: replication_dialect: is the text \"modern\", expected classic or named"]
    ),
    (
        "worker_replication_secret: \"a\\nb\"",
        [
            "worker.yaml:1: worker_replication_secret: is empty, too long or more than a line, "
                + "expected one line of at most 1024 bytes"
        ]
    ),
    (
        "listeners:\n- {type: metrics, port: 80, path: /x}\n",
        ["worker.yaml:2: listeners[0].port: stands beside path, expected either a port or a path"]
    ),
    (
        "database:\n  name: sqlite3\n",
        [
            "worker.yaml:2: database.name: is the text \"sqlite3\", expected psycopg2: the processes "
                + "of a fleet share one database, which SQLite cannot offer"
        ]
    ),
    (
        "database: {name: psycopg2, args: {cp_min: 9, cp_max: 2}}",
        [
            "worker.yaml:1: database.args.cp_min: asks for 9 connections at least and 2 at most, "
                + "expected cp_min not above cp_max"
        ]
    ),
    (
        "database:",
        [
            "worker.yaml:1: database: is missing, expected name: psycopg2 and args of a "
                + "PostgreSQL server"
        ]
    ),
    (
        "default_room_version: 99",
        [
            "worker.yaml:1: default_room_version: is the number 99, expected a room version from "
                + "\"1\" to \"12\""
        ]
    ),
    (
        "http_limits:\n  idle_timeout: 5 apples\n  max_request_body_size: 10X",
        [
            "worker.yaml:3: http_limits.max_request_body_size: is the text \"10X\", expected a "
                + "size from 1K to 1G such as 512K or 10M",
            "worker.yaml:2: http_limits.idle_timeout: is the text \"5 apples\", expected a time "
                + "from 1s to 1d such as 30s or 5m, or milliseconds",
        ]
    ),
    (
        "replication_limits: {ping_interval: 60s}",
        [
            "worker.yaml:1: replication_limits.ping_interval: gives a connection up before it is "
                + "pinged, expected an idle_timeout longer than the ping_interval"
        ]
    ),
    (
        "event_loop: {backend: kqueue}",
        [
            "worker.yaml:1: event_loop.backend: is the text \"kqueue\", expected one of auto, epoll, "
                + "io_uring"
        ]
    ),
    (
        "enable_registration: true",
        [
            "worker.yaml:1: enable_registration: opens the server to everybody without any "
                + "verification, expected enable_registration_without_verification: true beside it if "
                + "that is meant"
        ]
    ),
    (
        "bcrypt_rounds: 99",
        ["worker.yaml:1: bcrypt_rounds: is the number 99, expected a whole number from 4 to 31"]
    ),
    (
        "public_baseurl: example.org",
        [
            "worker.yaml:1: public_baseurl: is the text \"example.org\", expected an address such as "
                + "https://matrix.example.org/"
        ]
    ),
    (
        "a: [1",
        [
            "worker.yaml:1: did not find expected ',' or ']' (while parsing a flow sequence that begins in line 1)"
        ]
    ),
    ("- 1", ["worker.yaml:1: is a list, expected keys and values"]),
]

/// Changes to the worker sample, and the mistakes that they make.
private let workerChanges: [(String, String, [String])] = [
    (
        "worker_app: synapse.app.synchrotron", "worker_app: synapse.app.syncrotron",
        [
            "worker.yaml:1: worker_app: is the text \"synapse.app.syncrotron\", expected one of "
                + "synapse.app.homeserver, synapse.app.pusher, synapse.app.synchrotron, "
                + "synapse.app.appservice, synapse.app.federation_reader, "
                + "synapse.app.media_repository, synapse.app.client_reader (did you mean "
                + "synapse.app.synchrotron?)"
        ]
    ),
    (
        "worker_replication_host: 127.0.0.1", "",
        [
            "worker.yaml:1: worker_replication_host: is missing, expected the address of the main "
                + "process"
        ]
    ),
    (
        "worker_replication_port: 9092", "worker_replication_port: 'x'",
        [
            "worker.yaml:5: worker_replication_port: is the text \"x\", expected a whole number from "
                + "1 to 65535"
        ]
    ),
    (
        "worker_pid_file: /home/matrix/synapse/synchrotron.pid", "",
        [
            "worker.yaml:14: worker_pid_file: is missing while the process daemonizes, expected a path"
        ]
    ),
    (
        "type: http", "type: replication",
        [
            "worker.yaml:8: worker_listeners[0].type: is the text \"replication\", expected one of "
                + "http, metrics"
        ]
    ),
    (
        "worker_daemonize: True", "worker_daemonize: True\nworker_name: a b",
        ["worker.yaml:15: worker_name: has a space in it or is empty, expected one word"]
    ),
]

@Suite struct MistakeTests {
    @Test(arguments: overlays)
    func mistakeIsReportedWithItsPlace(overlay: String, expected: [String]) {
        #expect(Set(mistakes(mainSample, overlay)) == Set(expected))
    }

    @Test(arguments: workerChanges)
    func workerMistakeIsReportedWithItsPlace(before: String, after: String, expected: [String]) {
        #expect(mistakes(mainSample, replaced(workerSample, before, after)) == expected)
    }

    @Test func everyMistakeIsReportedAtOnce() {
        #expect(
            mistakes("server_name: [x]\nlisteners: 5\nbcrypt_rounds: x\n").map { $0.prefix(28) }
                .count == 5)
    }

    @Test func workersJobMustBeTakenFromTheMainProcess() {
        for (app, key) in [("pusher", "start_pushers"), ("appservice", "notify_appservices")] {
            let worker = replaced(workerSample, "synchrotron\n", "\(app)\n")
            #expect(mistakes(mainSample, worker).isEmpty)
            let without = mainSample.split(separator: "\n").filter { !$0.hasPrefix(key) }
            #expect(
                mistakes(without.joined(separator: "\n"), worker)
                    == [
                        "main.yaml:1: \(key): is not set and so true, so the main process would do "
                            + "the \(app) worker's job too, expected \(key): false in the main "
                            + "configuration"
                    ])
            let with = without.joined(separator: "\n") + "\n\(key): yes\n"
            #expect(
                mistakes(with, worker)
                    == [
                        "main.yaml:27: \(key): is true, so the main process would do the \(app) "
                            + "worker's job too, expected \(key): false in the main configuration"
                    ])
        }
    }

    @Test func workerDutiesAreItsOwn() throws {
        let pusher = replaced(workerSample, "synchrotron\n", "pusher\n")
        #expect(
            try load(mainSample, pusher).duties
                == Duties(sendsFederation: false, startsPushers: true, notifiesAppServices: false))
        #expect(
            try load(mainSample, workerSample).duties
                == Duties(sendsFederation: false, startsPushers: false, notifiesAppServices: false))
    }

    @Test func unknownAndUnusedKeysAreRemarks() throws {
        let remarks = try remarks(
            mainSample + """
                web_client: True
                enable_regstration: true
                caches: {global_factor: 1}
                flux_capacitor: on
                5: 6
                listeners_x: 1
                worker_pid_file: /x
                """)
        #expect(
            remarks == [
                "warning main.yaml:29: enable_regstration: is not a known key and not used, did you "
                    + "mean enable_registration?",
                "warning main.yaml:31: flux_capacitor: is not a known key and not used",
                "warning main.yaml:32: 5: is the number 5 and not used, expected a name as key",
                "warning main.yaml:33: listeners_x: is not a known key and not used, did you mean "
                    + "listeners?",
                "warning main.yaml:34: worker_pid_file: is for workers and not used by the main "
                    + "process",
                "info main.yaml:28: web_client: is a legacy key of Synapse and has no effect",
                "info main.yaml:30: caches: has no effect in Beamline yet",
            ])
    }

    @Test func listenersThatAreNotServedAreRemarks() throws {
        let overlay = """
            listeners:
            - {type: manhole, port: 9000}
            - {type: replication, port: 9092, bind_address: 0.0.0.0}
            - {type: http, port: 80, compres: 1, resources: [{names: [static, client]}]}
            """
        let configuration = try load(mainSample, overlay)
        #expect(configuration.listeners.map(\.kind) == [.replication, .http])
        #expect(
            configuration.diagnostics.map(\.description) == [
                "worker.yaml:2: listeners[0].type: manhole is not served by Beamline, the listener "
                    + "is left out",
                "worker.yaml:3: listeners[1].bind_address: replication has no authentication "
                    + "(worker_replication_secret) and is open to the whole network, expected an address such as 127.0.0.1",
                "worker.yaml:4: listeners[2].compres: is not a known key and not used",
                "worker.yaml:4: listeners[2].resources[0].names: static is not served by Beamline",
            ])
    }

    @Test func resourceThatAWorkerCannotServeIsARemark() throws {
        let worker = replaced(workerSample, "- client\n", "- media\n")
        #expect(
            try remarks(mainSample, worker)
                == [
                    "warning worker.yaml:12: worker_listeners[0].resources[0].names: "
                        + "synapse.app.synchrotron has nothing to serve for media"
                ])
    }

    @Test func duplicateKeysAreRemarks() throws {
        #expect(
            try remarks(mainSample + "send_federation: true\nsend_federation: false\n")
                == [
                    "warning main.yaml:29: send_federation: is given twice, the one of line 28 is "
                        + "not used"
                ])
    }

    @Test func configurationThatIsEmptyNamesWhatIsMissing() {
        let expected = ["server_name", "report_stats", "database", "listeners"]
        #expect(
            Set(mistakes("").map { $0.split(separator: " ")[1] }) == Set(expected.map { "\($0):" }))
        #expect(mistakes("").allSatisfy { $0.hasPrefix("main.yaml:1: ") })
    }
}

/// Replaces the first occurrence of a text.
func replaced(_ text: String, _ before: String, _ after: String) -> String {
    guard let range = text.firstRange(of: before) else { return text }
    return text.replacingCharacters(in: range, with: after)
}

extension String {
    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
