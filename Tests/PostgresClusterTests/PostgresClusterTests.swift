import Glibc
import TestSupport
import Testing

@testable import PostgresCluster

@Suite struct PostgresClusterTests {
    @Test func aTemporaryClusterServesAndVanishes() throws {
        var cluster: PostgresCluster? = try PostgresCluster()
        let folder = try #require(cluster?.folder)
        try cluster?.createDatabase(named: "a \"quoted\" name")
        try cluster?.execute(
            "CREATE TABLE t (x int); INSERT INTO t VALUES (1)", database: "postgres")
        #expect(Files.kind(folder)?.owner == cluster?.account.user)
        #expect(try entries(folder).allSatisfy { $0.owner != 0 || geteuid() != 0 })
        cluster = nil
        #expect(Files.kind(folder) == nil)
    }

    @Test func aKilledProcessLeavesNothing() async throws {
        let note = try Files.makeTemporaryFolder() + "/note"
        await #expect(processExitsWith: .signal(SIGKILL)) { [note = note as String] in
            let cluster = try PostgresCluster()
            let descriptor = open(note, O_WRONLY | O_CREAT, 0o600)
            _ = write(descriptor, cluster.folder, cluster.folder.utf8.count)
            kill(getpid(), SIGKILL)
        }
        let folder = try #require(Files.tail(of: note))
        try #require(folder.contains("beamline-pg-"))
        let isGone: Void? = Clock.poll(seconds: 60) { Files.kind(folder) == nil ? () : nil }
        #expect(isGone != nil)
        remove(String(note.dropLast(5)))
    }

    @Test func itListensOnTCPWhereAsked() throws {
        let port = try #require(freePort())
        var options = PostgresCluster.Options.disposable
        options.port = port
        let cluster = try PostgresCluster(temporary: options)
        try cluster.run([
            cluster.binaries.psql, "-h", "127.0.0.1", "-p", String(port), "-U",
            PostgresCluster.superuser, "-d", "postgres", "-c", "SELECT 1",
        ])
        try cluster.execute("SELECT 1")
    }

    @Test func dataAreFoundAgain() throws {
        let folder = try Files.makeTemporaryFolder()
        chmod(folder, 0o755)
        defer { remove(folder) }
        do {
            let cluster = try PostgresCluster(
                folder: folder + "/deep/er", options: .disposable)
            try cluster.createDatabase(named: "kept")
            try cluster.execute("CREATE TABLE t (x int)", database: "kept")
        }
        let cluster = try PostgresCluster(folder: folder + "/deep/er", options: .disposable)
        try cluster.ensureDatabase(named: "kept")
        try cluster.ensureDatabase(named: "it's new")
        try cluster.execute("SELECT * FROM t", database: "kept")
        #expect(throws: PostgresClusterError.self) {
            try cluster.createDatabase(named: "it's new")
        }
    }

    @Test func anInterruptedInitializationIsStartedOver() throws {
        let folder = try Files.makeTemporaryFolder()
        chmod(folder, 0o755)
        defer { remove(folder) }
        mkdir(folder + "/data.new", 0o700)
        close(open(folder + "/data.new/PG_VERSION", O_WRONLY | O_CREAT, 0o600))
        let account = try Account.find(dataFolder: folder + "/data")
        try account.own(folder)
        try account.own(folder + "/data.new")
        let cluster = try PostgresCluster(folder: folder, options: .disposable)
        try cluster.execute("CREATE TABLE t (x int)")
        #expect(Files.kind(folder + "/data.new") == nil)
    }

    @Test func databasesAreCopied() throws {
        let cluster = try PostgresCluster.shared()
        try cluster.createDatabase(named: "copied")
        try cluster.execute("CREATE TABLE t (x int)", database: "copied")
        try cluster.createDatabase(named: "copy", copying: "copied")
        try cluster.execute("SELECT * FROM t", database: "copy")
    }

    @Test func stopsAndStarts() throws {
        let cluster = try PostgresCluster()
        try cluster.createDatabase(named: "kept")
        try cluster.stop()
        #expect(!cluster.isRunning)
        try cluster.stop()
        try cluster.start()
        try cluster.start()
        #expect(cluster.isRunning)
        try cluster.execute("SELECT 1", database: "kept")
    }

    @Test func aSecondServerOnTheSameDataIsRefused() throws {
        let cluster = try PostgresCluster()
        let error = #expect(throws: PostgresClusterError.self) {
            try PostgresCluster(folder: cluster.folder, options: .disposable)
        }
        #expect(error?.description.contains("postmaster.pid") == true)
        #expect(cluster.isRunning)
        try cluster.execute("SELECT 1")
    }

    @Test func aLongPathGetsASocketElsewhere() throws {
        let parent = try Files.makeTemporaryFolder()
        chmod(parent, 0o755)
        defer { remove(parent) }
        let name = String(repeating: "n", count: 110)
        var cluster: PostgresCluster? = try PostgresCluster(
            folder: "\(parent)/\(name)", options: .disposable)
        let socketFolder = try #require(cluster?.socketFolder)
        #expect(socketFolder.utf8.count < 90)
        try cluster?.execute("SELECT 1")
        cluster = nil
        #expect(Files.kind(socketFolder) == nil)
        #expect(Files.kind("\(parent)/\(name)/data") != nil)
    }

    @Test func collationIsC() throws {
        let (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
        try cluster.execute(
            """
            DO $$ BEGIN
              IF (SELECT datcollate || datctype || pg_encoding_to_char(encoding) FROM pg_database
                  WHERE datname = current_database()) <> 'CCUTF8'
              THEN RAISE EXCEPTION 'wrong collation'; END IF;
            END $$
            """, database: database)
        try cluster.dropDatabase(named: database)
    }

    @Test func errorsSayWhatTheServerSaid() throws {
        let cluster = try PostgresCluster.shared()
        let error = #expect(throws: PostgresClusterError.self) {
            try cluster.execute("SELECT nonsense")
        }
        #expect(error?.description.contains("nonsense") == true)
        let setting = #expect(throws: PostgresClusterError.self) {
            try PostgresCluster(
                temporary: PostgresCluster.Options(settings: ["shared_buffers": "much"]))
        }
        #expect(setting?.description.contains("shared_buffers") == true)
    }

    private func freePort() -> UInt16? {
        let descriptor = streamSocket(AF_INET)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        return result ? UInt16(bigEndian: address.sin_port) : nil
    }

    private struct Entry {
        let owner: uid_t
    }

    private func entries(_ folder: String) throws -> [Entry] {
        try Files.names(in: folder).flatMap { name -> [Entry] in
            let path = folder + "/" + name
            // The server makes and removes files meanwhile.
            guard let kind = Files.kind(path) else { return [] }
            let below = kind.isFolder ? try entries(path) : []
            return [Entry(owner: kind.owner)] + below
        }
    }

    private func remove(_ folder: String) {
        let account = Account(user: 0, group: 0, isOther: false)
        let removal = try? GuardedProcess(
            ["/bin/rm", "-rf", "--", folder], in: "/", as: account, log: "/dev/null")
        _ = removal?.wait(seconds: 30)
    }
}
