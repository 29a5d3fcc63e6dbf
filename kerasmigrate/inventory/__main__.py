import sys

from kerasmigrate.inventory.build import main

sys.exit(main())
