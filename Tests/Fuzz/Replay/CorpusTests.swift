import Foundation
import FuzzHTTP
import FuzzTargets
import Testing

/// What the fuzzer begins with, and what it has found: every file must still pass.
@Suite("Corpus")
struct CorpusTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Corpus")

    private static func inputs(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let folder = folder.appending(path: target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        return try files.sorted { $0.path < $1.path }
            .map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
    }

    @Test("The corpus passes", arguments: FuzzTarget.allCases)
    func replay(target: FuzzTarget) throws {
        let inputs = try Self.inputs(of: target)
        #expect(!inputs.isEmpty, "there is no corpus")
        for (name, bytes) in inputs {
            do throws(Violation) {
                try target.check(bytes)
            } catch {
                Issue.record("\(name): \(error)")
            }
        }
    }

    @Test("The corpus passes, cut off and damaged", arguments: FuzzTarget.allCases)
    func damage(target: FuzzTarget) throws {
        for (name, bytes) in try Self.inputs(of: target) where bytes.count <= 300 {
            for place in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 10)) {
                var damaged = bytes
                damaged[place] ^= 1 << UInt8(place % 8)
                for input in [damaged, Array(bytes[..<place])] {
                    do throws(Violation) {
                        try target.check(input)
                    } catch {
                        Issue.record("\(name), damaged at \(place): \(error)")
                    }
                }
            }
        }
    }

    @Test("Every folder of the corpus has a target")
    func folders() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        for name in names where !name.hasPrefix(".") {
            #expect(FuzzTarget(rawValue: name) != nil, "\(name)")
        }
    }
}
