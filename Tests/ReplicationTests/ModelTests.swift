import Reactor
import ReactorTesting
import ReplicationWire
import Testing

/// Ten thousand schedules of what can happen to a main and its workers; see ``ModelWorld``.
///
/// A failure names its seed; `BEAMLINE_MODEL_SEED` plays only that one and tells of it, `BEAMLINE_MODEL_SCHEDULES`
/// sets how many are played.
@Suite("Random schedules")
struct ModelTests {
    private static let chunks = 20
    private static let schedules = variable("BEAMLINE_MODEL_SCHEDULES") ?? 10_000

    @Test(
        "Every worker sees every row once and in order, whatever dies, stalls or restarts",
        arguments: 0..<chunks)
    func schedules(chunk: Int) throws {
        let count = Self.schedules / Self.chunks
        var seeds = chunk * count..<(chunk + 1) * count
        if let only = variable("BEAMLINE_MODEL_SEED") {
            guard chunk == 0 else { return }
            seeds = only..<only + 1
        }
        var failures = 0
        for seed in seeds where failures < 3 {
            var random = Seeded(UInt64(seed))
            let faults = ModelWorld.Setting.faults(&random)
            let start = random
            let wrongs = try onLoop(.simulated(seed: UInt64(seed), faults: faults)) { loop in
                var random = start
                let steps = 6 + random.below(26)
                let world = ModelWorld(random)
                world.tells = variable("BEAMLINE_MODEL_SEED") != nil
                return await world.play(steps: steps, on: loop)
            }
            guard !wrongs.isEmpty else { continue }
            failures += 1
            Issue.record("seed \(seed): \(wrongs.joined(separator: "; "))")
        }
    }
}
