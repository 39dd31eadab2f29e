import CFuzzer
import FuzzTargets
import Glibc

/// The input of one round. libFuzzer's own main function, which this program does not use, asks
/// for it under this name.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try Driver.target.check(Array(UnsafeBufferPointer(start: data, count: count)))
    } catch {
        // libFuzzer keeps the input of a process that dies.
        fatalError("\(Driver.target.rawValue): \(error)")
    }
    return 0
}

/// `fuzz <target> [libFuzzer's options] [corpus…]`.
@main
enum Driver {
    static let target: FuzzTarget = {
        if CommandLine.arguments.count > 1,
            let target = FuzzTarget(rawValue: CommandLine.arguments[1])
        {
            return target
        }
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
        print("usage: fuzz <target> [options of libFuzzer] [corpus...]\ntargets: \(names)")
        exit(2)
    }()

    static func main() {
        _ = target
        // The target's name takes the place of the program's.
        var count = CommandLine.argc - 1
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
            CommandLine.unsafeArgv + 1
        exit(LLVMFuzzerRunDriver(&count, &arguments, fuzzOneInput))
    }
}
