import FuzzDriver
import FuzzTargets

runFuzzer(FuzzTarget.allCases.map { target in (target.rawValue, { try target.check($0) }) })
