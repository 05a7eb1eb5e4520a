    (func $trap (@name "NAME") (param $depth i32)
      (if (i32.eqz (local.get $depth)) (then (unreachable)))
      (call $trap (i32.sub (local.get $depth) (i32.const 1))))
    (func $inspect (param $items i32) (param $count i32)
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $count)))
          (if (i32.gt_u (i32.load offset=4 (local.get $items)) (i32.const 3))
            (then
              (if (i32.eq (i32.load8_u offset=2 (i32.load (local.get $items))) (i32.const 0x71))
                (then (call $trap (i32.const 40))))))
          (local.set $items (i32.add (local.get $items) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next))))
