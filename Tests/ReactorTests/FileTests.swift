import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Reactor

@Suite("Files", .serialized)
struct FileTests {
    @Test("a file is written as a whole and read back", arguments: grounds)
    func roundTrip(ground: Ground) throws {
        let folder = Folder()
        try onLoop(ground) { loop in
            let path = folder.path + "/file"
            let bytes = pattern(300_000)
            for (durable, contents) in [(false, bytes), (true, Array(bytes.reversed()))] {
                try await loop.writeFile(path, contents, mode: 0o640, durable: durable)
                #expect(try await loop.readFile(path, bytesMax: 300_000) == contents)
            }
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o640)
            #expect(folder.names == ["file"])
        }
    }

    @Test("limits and errors say what and where", arguments: kernels)
    func errors(ground: Ground) throws {
        let folder = Folder()
        try onLoop(ground) { loop in
            let path = folder.path + "/file"
            try await loop.writeFile(path, pattern(1000))
            await #expect(throws: FileError(path: path, error: SystemError("read", code: EFBIG))) {
                try await loop.readFile(path, bytesMax: 999)
            }
            let missing = folder.path + "/missing"
            await #expect(
                throws: FileError(path: missing, error: SystemError("open", code: ENOENT))
            ) { try await loop.readFile(missing, bytesMax: 1) }
            await #expect(
                throws: FileError(path: folder.path, error: SystemError("open", code: EINVAL))
            ) { try await loop.openFile(folder.path) }
            // A pipe would hold a thread until somebody opens its other end.
            #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
            await #expect(throws: FileError.self) { try await loop.openFile(folder.path + "/pipe") }
            // Files of /proc say that they are empty.
            #expect(try await loop.readFile("/proc/self/stat", bytesMax: 10_000).count > 10)
            await #expect(throws: FileError.self) {
                try await loop.readFile("/proc/self/stat", bytesMax: 10)
            }
        }
    }

    @Test("a full disk leaves nothing behind", arguments: kernels)
    func fullDisk(ground: Ground) throws {
        let folder = Folder()
        try onLoop(ground) { loop in
            await #expect(throws: SystemError("write", code: ENOSPC)) {
                try await loop.onFull { (full) throws(SystemError) in
                    try writeAll([1, 2, 3], to: full)
                }
            }
            let path = folder.path + "/file"
            do {
                let writer = try await loop.createFile(path)
                try await writer.append(pattern(1000), on: loop)
                #expect(folder.names.count == 1)
                #expect(access(path, F_OK) != 0)
            }
            // A writer that is let go takes its draft with it.
            while !folder.names.isEmpty { await loop.sleep(for: .milliseconds(1)) }
            let writer = try await loop.createFile(path)
            for _ in 0..<3 { try await writer.append(pattern(1000), on: loop) }
            try await writer.commit(on: loop)
            #expect(folder.names == ["file"])
            #expect(try await loop.readFile(path, bytesMax: 10_000).count == 3000)
        }
    }

    @Test("reading in chunks waits for whoever takes them", arguments: grounds)
    func chunks(ground: Ground) throws {
        let folder = Folder()
        try onLoop(ground) { loop in
            let path = folder.path + "/file"
            let bytes = pattern(100_000)
            try await loop.writeFile(path, bytes)
            let file = try await loop.openFile(path)
            var sizes: [Int] = []
            var read: [UInt8] = []
            try await loop.readChunks(of: file, from: 10, count: 90_000, chunkBytes: 32_000) {
                await loop.yield()
                sizes.append($0.count)
                read += $0
            }
            #expect(sizes == [32_000, 32_000, 26_000])
            #expect(read == Array(bytes[10..<90_010]))
            #expect(
                try await loop.readBytes(of: file, at: 99_990, count: 100)
                    == Array(bytes[99_990...]))
            #expect(try await loop.readBytes(of: file, at: 200_000, count: 100).isEmpty)
        }
    }

    @Test("a disk that does not answer makes errors, not a queue without end", arguments: kernels)
    func overload(ground: Ground) throws {
        try onLoop(ground) { loop in
            let gate = Gate()
            let pool = BlockingPool(threadsMax: 1)
            pool.run { gate.wait() }
            while gate.waiting == 0 { await loop.yield() }
            let waiting = (0..<5).map { number in
                loop.spawn { () -> Int? in
                    try? await loop.offload(to: pool, waitingMax: 3) { number }
                }
            }
            var results: [Int?] = [await waiting[3].value, await waiting[4].value]
            #expect(results == [nil, nil])
            gate.open()
            results = []
            for task in waiting { results.append(await task.value) }
            #expect(results == [0, 1, 2, nil, nil])
        }
    }
}

extension EventLoop {
    /// Runs `body` with a descriptor that has no room for anything.
    fileprivate func onFull(
        _ body: @escaping @Sendable (Int32) throws(SystemError) -> Void
    ) async throws(SystemError) {
        try await offload { () throws(SystemError) in
            let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
            defer { close(full) }
            try body(full)
        }
    }
}
